import { belowRoot } from '../serverpath';

it.each([
  ['/home/ada/work', '/home/ada/work/ipython/c.py', 'ipython/c.py'],
  ['/home/ada/work/', '/home/ada/work/c.py', 'c.py'],
  ['~', '/home/ada/.ipython/c.py', '.ipython/c.py'],
  ['~/work', '/root/work/c.py', 'c.py'],
  ['/', '/etc/ipython/c.py', 'etc/ipython/c.py'],
  ['/home/ada/work', '/home/ada/workshop/c.py', null],
  ['~/work', '/etc/ipython/c.py', null],
  ['~', '/etc/ipython/c.py', null],
  ['', '/etc/ipython/c.py', null]
])('below %j, %j is %j', (root, file, path) => {
  expect(belowRoot(root, file)).toBe(path);
});
