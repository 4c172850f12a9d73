import { isList, parseHosts, pasted } from '../hosttext';

it.each([
  ['node1', [{ host: 'node1' }]],
  ['ada@node1:2222', [{ host: 'ada@node1:2222' }]],
  ['node1 8', [{ host: 'node1', engines: 8 }]],
  ['node1, node2', [{ host: 'node1' }, { host: 'node2' }]],
  [
    '# my nodes\nnode1 slots=4 max_slots=8\n\nnode2 slots=2 # the old one\n',
    [
      { host: 'node1', engines: 4 },
      { host: 'node2', engines: 2 }
    ]
  ],
  // As PBS lists a node once for each of its processors.
  ['n1\nn1\nn2\nn1\n', [{ host: 'n1', engines: 3 }, { host: 'n2' }]],
  ['n1 4\nn1 2', [{ host: 'n1', engines: 6 }]],
  [
    'n1,8\r\nn2,8',
    [
      { host: 'n1', engines: 8 },
      { host: 'n2', engines: 8 }
    ]
  ],
  ['  \n\n', []]
])('reads %j', (text, hosts) => {
  expect(parseHosts(text)).toEqual(hosts);
});

it('knows one name from a list', () => {
  expect(isList('ada@node1:2222\n')).toBe(false);
  expect(isList('node1 8')).toBe(true);
  expect(isList('node1\nnode2')).toBe(true);
});

it('puts what was pasted where the empty line was', () => {
  const lines = [{ host: 'a' }, {}, { host: 'z' }];
  const hosts = [{ host: 'b' }, { host: 'c', engines: 2 }];
  expect(pasted(lines, 1, hosts).map(line => line.host)).toEqual([
    'a',
    'b',
    'c',
    'z'
  ]);
});

it('gives a host that is there already its new number, and keeps its rest', () => {
  const lines = [{ host: 'a', engines: 1, python: '/p' }, {}];
  expect(pasted(lines, 1, [{ host: 'a', engines: 8 }])).toEqual([
    { host: 'a', engines: 8, python: '/p' }
  ]);
});
