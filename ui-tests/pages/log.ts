/** The log panel in the main area. */
import type { Locator, Page } from '@playwright/test';
import { expect } from '@playwright/test';

export class EngineLog {
  constructor(page: Page) {
    this.root = page.locator('.jlc-Log:visible');
    this.text = this.root.locator('.cm-content');
  }

  readonly root: Locator;
  readonly text: Locator;

  async says(text: string | RegExp): Promise<void> {
    await expect(this.text).toContainText(text);
  }
}
