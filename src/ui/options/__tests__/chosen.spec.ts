import { beyond, chosen, onHosts, withNamedHosts } from '../chosen';

it.each([
  [{}, null],
  [{ hosts: [] }, null],
  [{ hosts: 'nonsense' }, null],
  [{ hosts: [{ host: 'a', engines: 8 }, { host: 'b' }] }, 9],
  [{ hosts: [{ host: 'a', engines: undefined }, null] }, 2]
])('counts the engines of %j', (options, engines) => {
  expect(onHosts(options)).toBe(engines);
});

it.each([
  [{}, null],
  [{ hosts: 'nonsense' }, null],
  [{ hosts: [{ engines: 1 }, { host: '' }, null] }, null],
  [
    { hosts: [{ host: 'a' }, { engines: 1 }], python: 'p' },
    { hosts: [{ host: 'a' }], python: 'p' }
  ]
])('takes the hosts of %j that have a name', (options, named) => {
  expect(withNamedHosts(options)).toEqual(named);
});

it('says nothing of what was left empty', () => {
  const options = { a: '', b: [], c: {}, d: undefined, e: 0, hosts: [{}] };
  expect(chosen(options)).toEqual({ e: 0 });
});

describe('beyond what the profile says', () => {
  const SCHEMA = {
    properties: { start: { default: 'auto' }, time: {}, lines: {} }
  };
  const OF_PROFILE = { time: '10', lines: ['--exclusive'], nodes: 2 };

  it.each([
    ['nothing when it is the same', OF_PROFILE, {}],
    ['nothing of what the form fills in', { ...OF_PROFILE, start: 'auto' }, {}],
    [
      'all when something differs',
      { ...OF_PROFILE, time: '20' },
      { ...OF_PROFILE, time: '20' }
    ],
    [
      'what was emptied, as empty',
      { nodes: 3, time: '' },
      { nodes: 3, time: '', lines: [] }
    ]
  ])('is %s', (_, options, said) => {
    expect(beyond(options, OF_PROFILE, SCHEMA)).toEqual(said);
  });

  it('is a default where the profile says otherwise', () => {
    expect(beyond({ start: 'auto' }, { start: 'plain' }, SCHEMA)).toEqual({
      start: 'auto'
    });
  });
});
