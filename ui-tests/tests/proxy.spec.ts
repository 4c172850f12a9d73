/** Behind a proxy that drops every socket the window asks instead, and says so. */
import { expect, test as base } from '../fixtures';
import { Proxy } from '../server/proxy';

const KEY = 'default:';
const SAYS = 'No live connection: asking every few seconds';

const test = base.extend<{ between: Proxy }>({
  between: async ({ jupyter }, use) => {
    const proxy = await Proxy.before(jupyter.url);
    await use(proxy);
    proxy.close();
  },
  baseURL: async ({ between }, use) => use(between.url)
});

// Galata's stand-ins would answer for kernels, whose sockets are dropped too.
test.use({ kernels: null, sessions: null, terminals: null });

test('a cluster is seen, started and read without a socket, and the socket comes back', async ({
  jupyter,
  between,
  sidebar,
  log
}) => {
  await expect(sidebar.root).toContainText(SAYS);
  const row = sidebar.row('default');
  await row.choose(2);
  await row.start();
  await row.is('running');
  await row.select();
  await sidebar.engine(1).is('idle');
  await expect(sidebar.root.getByRole('img').first()).toBeVisible();
  await sidebar.engine(1).openLog();
  await log.says('slot-1 started');
  const [, victim] = await jupyter.enginePids(KEY);
  process.kill(victim, 'SIGKILL');
  await row.says('1 lost');
  await row.is('degraded');
  expect(
    between.seen.filter(one => one.includes('/engines?')).length
  ).toBeGreaterThan(1);
  expect(between.seen.some(one => one.includes('/load?'))).toBe(true);

  between.sockets = true;
  await expect(sidebar.root).not.toContainText(SAYS, { timeout: 60000 });
  between.seen.length = 0;
  await row.stop();
  await row.is('stopped');
  expect(between.seen.filter(one => one.includes('clusters?'))).toEqual([]);
});
