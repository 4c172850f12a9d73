/** The Clusters sidebar, as a person meets it: by roles and names. */
import type { Locator, Page } from '@playwright/test';
import { expect } from '@playwright/test';

export const SIDEBAR = 'jupyterlab-clusters-sidebar';

export class Sidebar {
  constructor(private readonly page: Page) {
    this.root = page.locator(`#${SIDEBAR}`);
  }

  readonly root: Locator;

  async open(): Promise<void> {
    if (!(await this.root.isVisible())) {
      await this.page.locator(`[role="tab"][data-id="${SIDEBAR}"]`).click();
    }
    await expect(this.row('default').root).toBeVisible();
  }

  row(name: string): Row {
    return new Row(this.root, name);
  }

  /** The engine in `slot` of the selected cluster. */
  engine(slot: number): Engine {
    return new Engine(this.root, slot);
  }
}

/** One cluster's row. */
export class Row {
  constructor(
    sidebar: Locator,
    private readonly name: string
  ) {
    this.root = sidebar
      .getByRole('list', { name: 'Clusters' })
      .getByRole('listitem', { name, exact: true });
  }

  readonly root: Locator;

  /** Picks a number of engines; one that is not offered goes by *Custom…*. */
  async choose(engines: number): Promise<void> {
    const dropdown = this.root.getByRole('combobox', {
      name: `Engines of ${this.name}`
    });
    const offered = await dropdown
      .locator('option')
      .evaluateAll(all => all.map(one => (one as HTMLOptionElement).value));
    if (offered.includes(String(engines))) {
      await dropdown.selectOption(String(engines));
      return;
    }
    await dropdown.selectOption({ label: 'Custom…' });
    const field = this.root.getByRole('spinbutton', {
      name: `Engines of ${this.name}`
    });
    await field.fill(String(engines));
    await field.press('Enter');
  }

  async start(): Promise<void> {
    await this.root.getByRole('button', { name: 'Start' }).click();
  }

  async stop(): Promise<void> {
    await this.root.getByRole('button', { name: 'Stop', exact: true }).click();
  }

  /** Removes the stale file that the row names. */
  async clear(): Promise<void> {
    await this.root.getByRole('button', { name: 'Clear' }).click();
  }

  /** Picks an entry of the row's menu. */
  async menu(entry: string): Promise<void> {
    await this.root.getByRole('button', { name: /^More actions/ }).click();
    await this.root.page().getByRole('menuitem', { name: entry }).click();
  }

  async select(): Promise<void> {
    await this.root.locator('.jlc-Row-name').click();
  }

  async is(state: string): Promise<void> {
    await expect(this.root.locator('.jlc-Row-state')).toHaveText(state, {
      timeout: 30000
    });
  }

  async says(text: string | RegExp): Promise<void> {
    await expect(this.root).toContainText(text);
  }
}

/** One engine's line in the table of engines. */
export class Engine {
  constructor(sidebar: Locator, slot: number) {
    this.root = sidebar
      .getByRole('grid')
      .locator(`[role="row"][data-slot="${slot}"]`);
  }

  readonly root: Locator;

  async is(state: string): Promise<void> {
    await expect(this.root).toContainText(state);
  }

  async openLog(): Promise<void> {
    await this.root.hover();
    await this.root.getByRole('button', { name: /log/i }).click();
  }
}
