/**
 * Terminal text as plain text and marks. What rewrote itself with carriage
 * returns or backspaces is given as it last stood; never any HTML.
 */
import Anser from 'anser';

import { visible } from './visible';

/** A stretch of text that looks different: `from` and `to` count characters. */
export interface IMark {
  readonly from: number;
  readonly to: number;
  readonly className: string;
}

/** Text without escapes, and how its stretches look. */
export interface IPlain {
  readonly text: string;
  readonly marks: readonly IMark[];
}

const ESC = String.fromCharCode(0x1b);
const BELL = String.fromCharCode(0x07);
const SGR = new RegExp(`${ESC}\\[[\\d;]*m`, 'g');
const TITLES = new RegExp(
  `${ESC}\\][^${BELL}${ESC}]*(?:${BELL}|${ESC}\\\\)`,
  'g'
);
const MOVES = new RegExp(`${ESC}\\[[<-?]*[\\d;]*[ -/]*[@-ln-~]`, 'g');
const CONTROL = new RegExp(
  `[${String.fromCharCode(0)}-${String.fromCharCode(8)}\\n-${String.fromCharCode(0x1f)}${String.fromCharCode(0x7f)}-${String.fromCharCode(0x9f)}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]`
);
const NONE: readonly IMark[] = [];
const NAMES = [
  'black',
  'red',
  'green',
  'yellow',
  'blue',
  'magenta',
  'cyan',
  'white'
];

/** One line of a log, `raw`, as text and marks. */
export function plain(raw: string): IPlain {
  if (!CONTROL.test(raw)) {
    return { text: raw, marks: NONE };
  }
  const settled = backspaced(
    rewritten(raw.replace(TITLES, '').replace(MOVES, ''))
  );
  if (!settled.includes(ESC)) {
    return { text: visible(settled), marks: NONE };
  }
  return coloured(settled);
}

/** What follows the last carriage return, in the colours set until there. */
function rewritten(raw: string): string {
  const parts = raw.replace(/\r+$/, '').split('\r');
  const last = parts.pop() ?? '';
  return parts.flatMap(part => part.match(SGR) ?? []).join('') + last;
}

function backspaced(raw: string): string {
  const kept: string[] = [];
  for (const char of raw) {
    if (char !== '\b') {
      kept.push(char);
    } else if (kept.length > 0 && kept[kept.length - 1] !== 'm') {
      kept.pop();
    } else if (kept.length > 0 && !endsInEscape(kept)) {
      kept.pop();
    }
  }
  return kept.join('');
}

function endsInEscape(kept: readonly string[]): boolean {
  const start = kept.lastIndexOf(ESC);
  return start >= 0 && /^\[[\d;]*m$/.test(kept.slice(start + 1).join(''));
}

function coloured(raw: string): IPlain {
  const marks: IMark[] = [];
  let text = '';
  for (const piece of Anser.ansiToJson(raw, {
    use_classes: true,
    remove_empty: true
  })) {
    const from = text.length;
    text += visible(piece.content);
    const className = classesOf(piece);
    if (className && text.length > from) {
      marks.push({ from, to: text.length, className });
    }
  }
  return { text, marks };
}

function classesOf(piece: Anser.AnserJsonEntry): string {
  return [
    colour(piece.fg, piece.fg_truecolor, 'fg'),
    colour(piece.bg, piece.bg_truecolor, 'bg'),
    ...piece.decorations.map(name => `ansi-${name}`)
  ]
    .filter(Boolean)
    .join(' ');
}

/** The class of a colour; those beyond the sixteen take the nearest of them. */
function colour(name: string | null, rgb: string | null, end: string): string {
  if (!name) {
    return '';
  }
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  if (palette) {
    return nearest(rgbOf(Number(palette[1])), end);
  }
  if (name === 'ansi-truecolor') {
    return rgb ? nearest(rgb.split(',').map(Number), end) : '';
  }
  return `${name}-${end}`;
}

/** Red, green and blue of a colour of the palette of 256. */
function rgbOf(index: number): readonly number[] {
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232);
    return [grey, grey, grey];
  }
  const cube = index - 16;
  return [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(
    step => (step === 0 ? 0 : 55 + 40 * step)
  );
}

function nearest(rgb: readonly number[], end: string): string {
  const top = Math.max(...rgb);
  const bits = rgb.reduce(
    (sum, part, at) => sum + (top > 60 && part > top * 0.6 ? 1 << at : 0),
    0
  );
  const bright = top > 205 ? 'bright-' : '';
  return `ansi-${bright}${NAMES[bits]}-${end}`;
}
