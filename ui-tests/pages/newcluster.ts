/** The dialog for a new cluster, as a person meets it: by roles and names. */
import type { Locator, Page } from '@playwright/test';
import { expect } from '@playwright/test';

export class NewCluster {
  constructor(private readonly page: Page) {
    this.root = page.getByRole('dialog');
  }

  readonly root: Locator;

  async open(): Promise<void> {
    await this.page.getByRole('button', { name: /New cluster/i }).click();
    await expect(this.root).toBeVisible();
  }

  async fill(label: string, value: string): Promise<void> {
    await this.root.getByLabel(label, { exact: true }).fill(value);
  }

  async launcher(title: string): Promise<void> {
    await this.root
      .getByLabel('Where engines run')
      .selectOption({ label: title });
  }

  /** Names the host in that place of the list, and how many engines it takes. */
  async host(at: number, host: string, engines: number): Promise<void> {
    const field = (name: string) =>
      this.root.locator(`#root_hosts_${at}_${name}`);
    if (!(await field('host').isVisible())) {
      await this.root.getByTitle('Add item').first().click();
    }
    await field('host').fill(host);
    await field('engines').fill(String(engines));
  }

  /** One of the launcher's own options, by its name in the schema. */
  async option(name: string, value: string): Promise<void> {
    await this.root.locator(`#root_${name}`).fill(value);
  }

  /** What the launcher needs to know stands below the rest. */
  async options(): Promise<void> {
    const details = this.root.locator('details');
    if ((await details.getAttribute('open')) === null) {
      await details.locator('summary').click();
    }
  }

  async start(): Promise<void> {
    await this.root.getByRole('button', { name: 'Create and Start' }).click();
    await expect(this.root).toBeHidden();
  }
}
