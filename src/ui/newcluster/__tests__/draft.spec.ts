import { onHosts, withNamedHosts } from '../draft';

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
