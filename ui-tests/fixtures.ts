/** The tests' `test`: Galata's page on a JupyterLab of ours, and page objects. */
import { test as base } from '@jupyterlab/galata';

import { EngineLog } from './pages/log';
import { Sidebar } from './pages/sidebar';
import { Jupyter } from './server/jupyter';

interface IParts {
  /** The Clusters sidebar of `page`, open. */
  sidebar: Sidebar;
  log: EngineLog;
  /** Every test begins and ends without clusters. */
  clean: void;
}

export const test = base.extend<IParts, { jupyter: Jupyter }>({
  jupyter: [
    async ({}, use) => {
      const jupyter = await Jupyter.begin();
      await use(jupyter);
      await jupyter.finish();
    },
    { scope: 'worker', timeout: 120000 }
  ],

  baseURL: async ({ jupyter }, use) => use(jupyter.url),

  clean: [
    async ({ jupyter }, use) => {
      await use();
      await jupyter.stopClusters();
    },
    { auto: true }
  ],

  sidebar: async ({ page }, use) => {
    const sidebar = new Sidebar(page);
    await sidebar.open();
    await use(sidebar);
  },

  log: async ({ page }, use) => use(new EngineLog(page))
});

export { expect } from '@jupyterlab/galata';
