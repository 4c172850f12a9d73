import { execFileSync } from 'child_process';

import { clientCode, pythonLiteral } from '../clientcode';

const NAMES = [
  'plain',
  'a "quoted" \'name\'',
  'back\\slash\\n',
  'línea 猫 🐈',
  'two\nlines\r\n',
  '\u2028\u0000\u007f',
  '"); import os; ("'
];

it('quotes names so that Python reads back the same text', () => {
  const literals = `[${NAMES.map(pythonLiteral).join(', ')}]`;
  const told = execFileSync('python3', ['-'], {
    input: `# -*- coding: utf-8 -*-\nimport json\nprint(json.dumps(${literals}))`
  });
  expect(JSON.parse(told.toString())).toEqual(NAMES);
});

it.each([
  ['default', '', 'ipp.Client(timeout=60)'],
  ['mine', '', 'ipp.Client(profile="mine", timeout=60)'],
  ['default', 'b', 'ipp.Client(cluster_id="b", timeout=60)'],
  ['mine', 'b', 'ipp.Client(profile="mine", cluster_id="b", timeout=60)']
])('leaves out defaults: %s:%s', (profile, cluster_id, client) => {
  const code = clientCode({ profile, cluster_id, wanted: 4 });
  expect(code.split('\n')).toEqual([
    'import ipyparallel as ipp',
    '',
    `rc = ${client}`,
    'rc.wait_for_engines(4, timeout=60)',
    'view = rc[:]'
  ]);
});

it('makes no view of a cluster that wants no engines', () => {
  const code = clientCode({ profile: 'default', cluster_id: '', wanted: 0 });
  expect(code).not.toMatch(/wait_for_engines|view/);
});
