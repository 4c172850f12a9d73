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
    const field = this.root.getByLabel(`Host ${at + 1}`, { exact: true });
    if (!(await field.isVisible())) {
      await this.root.getByRole('button', { name: 'Add host' }).click();
    }
    await field.fill(host);
    await this.root.getByLabel(`Engines of ${host}`).fill(String(engines));
  }

  /** One of the launcher's own options, by its name in the schema. */
  async option(name: string, value: string): Promise<void> {
    await this.root.locator(`#root_${name}`).fill(value);
  }

  /** What the launcher needs to know stands below the rest. */
  async options(): Promise<void> {
    const details = this.root.locator('.jlc-NewCluster-options');
    if ((await details.getAttribute('open')) === null) {
      await details.locator('summary').click();
    }
  }

  async preview(): Promise<void> {
    await this.root.getByRole('button', { name: 'Preview' }).click();
    await expect(this.back).toBeFocused();
  }

  get back(): Locator {
    return this.root.getByRole('button', { name: 'Back to the form' });
  }

  async create(): Promise<void> {
    await this.root.getByRole('button', { name: 'Create', exact: true }).click();
    await expect(this.root).toBeHidden();
  }

  async start(): Promise<void> {
    await this.root.getByRole('button', { name: 'Create and Start' }).click();
    await expect(this.root).toBeHidden();
  }
}
