/** The tests' `test`: Galata's page on a JupyterLab of ours, and page objects. */
import { test as base } from '@jupyterlab/galata';

import { EngineLog } from './pages/log';
import { SIDEBAR, Sidebar } from './pages/sidebar';
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

  // Galata waits for the start page in front; after a reload a person's own panels are there instead.
  waitForApplication: async ({ baseURL: _ }, use) => {
    await use(async page => {
      await page.waitForSelector('#jupyterlab-splash', { state: 'detached' });
      await page.waitForSelector(`[role="tab"][data-id="${SIDEBAR}"]`);
    });
  },

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
