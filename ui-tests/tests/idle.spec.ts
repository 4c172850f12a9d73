/** A cluster that is stopped when it is idle: the row counts down, can keep it, and says why it was stopped. */
import { expect, test } from '../fixtures';

test('an idle cluster is kept once, and then stopped', async ({
  jupyter,
  sidebar
}) => {
  const options = { idle_minutes: 0.2 };
  const asked = { profile: 'default', cluster_id: 'brief', launcher: 'local' };
  await jupyter.ask('clusters', 'POST', [], { ...asked, options });
  const row = sidebar.row('default / brief');
  await row.choose(1);
  await row.start();
  await row.is('running');
  await row.says(/stops in \d+ s/);
  // When it is nearly over.
  await row.says(/stops in [3-5] s/);
  await row.root.getByRole('button', { name: 'Keep default / brief' }).click();
  await row.says(/stops in 1\d s/);
  await row.is('stopped');
  await row.says('Stopped after 12 seconds with no busy engine.');
  await expect(row.root.getByRole('button', { name: /^Keep/ })).toHaveCount(0);
});
