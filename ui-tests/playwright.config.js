/**
 * Browser tests in the system's Chromium. Each worker has its own JupyterLab
 * (see fixtures.ts), so there is no webServer here; one worker, for engines need the cores.
 */
const { execFileSync } = require('child_process');
const path = require('path');
const base = require('@jupyterlab/galata/lib/playwright-config');

const chromium = execFileSync(
  path.resolve(__dirname, '..', 'scripts', 'find-chromium'),
  { encoding: 'utf-8' }
).trim();

module.exports = {
  ...base,
  testDir: 'tests',
  timeout: 120000,
  expect: { timeout: 15000 },
  workers: 1,
  retries: 0,
  forbidOnly: true,
  reporter: [
    ['list'],
    ...(process.env.REPORT_FILE
      ? [['json', { outputFile: process.env.REPORT_FILE }]]
      : [])
  ],
  use: {
    ...base.use,
    // Playwright's own ffmpeg comes with its own browsers only.
    video: 'off',
    trace: 'retain-on-failure',
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath: chromium,
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
    }
  },
  projects: undefined
};
