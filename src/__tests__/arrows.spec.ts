/**
 * Who may import whom. The arrows go one way, so that each folder can be read,
 * changed and tried alone.
 */
import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import * as ts from 'typescript';

const SRC = path.resolve(__dirname, '..');

/** A part, what of ours it may import besides itself, and what of others. */
const ARROWS: Record<string, { ours: string[]; others?: RegExp }> = {
  ui: { ours: ['cluster', 'logs', 'tokens'] },
  server: { ours: ['cluster', 'logs', 'tokens'] },
  cluster: { ours: ['tokens'], others: /^@lumino\// },
  logs: { ours: ['tokens'], others: /^(@lumino\/|anser$)/ },
  tokens: { ours: ['cluster/state'], others: /^@lumino\// }
};

/** These join the parts. */
const JOINERS = ['index', 'plugins'];

/** What `ui` is never to know: the server and the application. */
const NOT_IN_UI =
  /^@jupyterlab\/(services|application|launcher|notebook|settingregistry|statedb)(\/|$)/;

/** What says whether a message is a model: no state, so more than its types may be had. */
const CHECKS = ['cluster/check', 'cluster/state'];

/** Only types may come from the collection's tokens, and from others' models. */
const ONLY_TYPES: Record<string, string[]> = {
  cluster: ['tokens'],
  logs: ['tokens'],
  server: ['cluster', 'logs']
};

interface IImport {
  line: number;
  target: string;
  typeOnly: boolean;
}

/** Everything a file imports or exports from elsewhere, also late and by `require`. */
function imports(file: string): IImport[] {
  const text = fs.readFileSync(file, 'utf-8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: IImport[] = [];
  const add = (node: ts.Node, name: ts.Node | undefined, typeOnly: boolean) => {
    if (name && ts.isStringLiteralLike(name)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push({ line: line + 1, target: name.text, typeOnly });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const named = node.importClause?.namedBindings;
      const each =
        !node.importClause?.name &&
        named !== undefined &&
        ts.isNamedImports(named) &&
        named.elements.length > 0 &&
        named.elements.every(one => one.isTypeOnly);
      add(
        node,
        node.moduleSpecifier,
        (node.importClause?.isTypeOnly ?? false) || each
      );
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.isTypeOnly);
    } else if (
      ts.isImportTypeNode(node) &&
      ts.isLiteralTypeNode(node.argument)
    ) {
      add(node, node.argument.literal, true);
    } else if (ts.isCallExpression(node)) {
      const called = node.expression;
      const asks =
        called.kind === ts.SyntaxKind.ImportKeyword ||
        (ts.isIdentifier(called) && called.text === 'require');
      if (asks) {
        add(node, node.arguments[0], false);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Our source files, relative to `root`; tests may import what they try. */
function sources(root: string, folder = ''): string[] {
  return fs
    .readdirSync(path.join(root, folder), { withFileTypes: true })
    .flatMap(entry => {
      const place = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        return entry.name === '__tests__' ? [] : sources(root, place);
      }
      return /\.tsx?$/.test(entry.name) && !/\.d\.ts$/.test(entry.name)
        ? [place]
        : [];
    });
}

function within(place: string, one: string): boolean {
  return place === one || place.startsWith(`${one}/`);
}

/** What is wrong with one import, or null. */
function against(
  part: string,
  place: string,
  { target, typeOnly }: IImport
): string | null {
  const arrows = ARROWS[part];
  if (target.startsWith('.')) {
    const reached = path.posix.join(path.posix.dirname(place), target);
    if (reached.startsWith('../')) {
      return /\.(svg|json|css)$/.test(reached)
        ? null
        : `${part} leaves the sources`;
    }
    if (![part, ...arrows.ours].some(one => within(reached, one))) {
      return `${part} may not import ${reached}`;
    }
    const typesOnly =
      !CHECKS.includes(reached) &&
      ONLY_TYPES[part]?.some(one => within(reached, one));
    return typesOnly && !typeOnly
      ? `${part} may import only types from ${reached}`
      : null;
  }
  if (arrows.others && !arrows.others.test(target)) {
    return `${part} may not import ${target}`;
  }
  return part === 'ui' && NOT_IN_UI.test(target) && !typeOnly
    ? `ui may not import ${target}`
    : null;
}

/** A sentence for each import against the arrows, and for each part that has none. */
function wrong(root: string): string[] {
  return sources(root).flatMap(place => {
    const part = place.split('/')[0].replace(/\.tsx?$/, '');
    if (JOINERS.includes(part)) {
      return [];
    }
    if (!(part in ARROWS)) {
      return [`${place}: no arrows are drawn for ${part}`];
    }
    return imports(path.join(root, place)).flatMap(one => {
      const what = against(part, place, one);
      return what ? [`${place}:${one.line}: ${what}`] : [];
    });
  });
}

describe('import arrows', () => {
  let root: string;

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'arrows-'));
  });

  afterEach(() => {
    fs.rmSync(root, { recursive: true });
  });

  const plant = (file: string, text: string): string[] => {
    fs.mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), text);
    return wrong(root);
  };

  it('are followed by our sources', () => {
    expect(wrong(SRC)).toEqual([]);
  });

  it('are checked over every part', () => {
    const parts = new Set(
      sources(SRC).map(place => place.split('/')[0].replace(/\.tsx?$/, ''))
    );
    expect(Object.keys(ARROWS).filter(part => !parts.has(part))).toEqual([]);
  });

  it.each([
    ['ui/sidebar/row.tsx', "import { start } from '../../server/calls';"],
    ['ui/sidebar/row.tsx', "export { start } from '../../server/calls';"],
    ['ui/sidebar/row.tsx', "const a = import('../../plugins/sidebar');"],
    ['ui/row.tsx', "const a = require('../server/calls');"],
    ['ui/row.tsx', "import { ServerConnection } from '@jupyterlab/services';"],
    ['ui/row.tsx', "import { ILabShell } from '@jupyterlab/application';"],
    ['server/calls.ts', "import { Row } from '../ui/sidebar/row';"],
    ['server/calls.ts', "import { Clusters } from '../cluster/clusters';"],
    ['cluster/clusters.ts', "import * as React from 'react';"],
    ['cluster/clusters.ts', "import { Buffer } from '../logs/buffer';"],
    ['cluster/clusters.ts', "import { CommandIDs } from '../tokens';"],
    ['logs/buffer.ts', "type A = import('../server/messages').IA;"],
    ['tokens.ts', "import type { Row } from './ui/row';"],
    ['ui/row.tsx', "import x from '../../elsewhere/x';"],
    ['utils/bits.ts', 'export {};']
  ])('find a violation planted in %s: %s', (file, text) => {
    expect(plant(file, text)).toHaveLength(1);
  });

  it.each([
    ['ui/sidebar/row.tsx', "import { MOVES } from '../../cluster/state';"],
    ['ui/sidebar/row.tsx', "import * as React from 'react';"],
    ['ui/common/icons.ts', "import svg from '../../../style/icons/a.svg';"],
    ['server/calls.ts', "import type { ICluster } from '../cluster/state';"],
    ['server/calls.ts', "import { type ICluster } from '../cluster/state';"],
    ['cluster/clusters.ts', "import { Signal } from '@lumino/signaling';"],
    ['plugins/sidebar.ts', "import { start } from '../server/calls';"],
    ['ui/__tests__/row.spec.tsx', "import { start } from '../../server/calls';"]
  ])('let through %s: %s', (file, text) => {
    expect(plant(file, text)).toEqual([]);
  });
});
