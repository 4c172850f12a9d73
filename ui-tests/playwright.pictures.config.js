/** The pictures of docs/pictures, made anew by `make docs-pictures`. */
const base = require('./playwright.config');

module.exports = {
  ...base,
  testDir: 'pictures',
  use: { ...base.use, trace: 'off', deviceScaleFactor: 1 }
};
