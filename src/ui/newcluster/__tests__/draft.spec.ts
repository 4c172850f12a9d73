import { onHosts } from '../draft';

it.each([
  [{}, null],
  [{ hosts: [] }, null],
  [{ hosts: 'nonsense' }, null],
  [{ hosts: [{ host: 'a', engines: 8 }, { host: 'b' }] }, 9],
  [{ hosts: [{ host: 'a', engines: undefined }, null] }, 2]
])('counts the engines of %j', (options, engines) => {
  expect(onHosts(options)).toBe(engines);
});
