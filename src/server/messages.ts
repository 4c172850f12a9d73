/**
 * Messages of the stream: checked and converted as they arrive. What does not
 * fit is null and is passed over.
 */
import { isRecord } from '../cluster/check';
import type { Row } from '../cluster/source';
import type { ILine } from '../cluster/state';

/** A message of the server, by what it carries. */
export type Message = {
  readonly epoch: string;
  readonly topic: string;
  readonly seq: number;
} & (
  | { readonly kind: 'snapshot' | 'changes'; readonly rows: readonly Row[] }
  | { readonly kind: 'lines'; readonly lines: readonly ILine[] }
  | { readonly kind: 'lagged'; readonly offset: number }
  | {
      readonly kind: 'error';
      readonly message: string;
      /** It may be had when it is asked for again. */
      readonly slow: boolean;
    }
);

function isLine(value: unknown): value is ILine {
  return (
    isRecord(value) &&
    typeof value.offset === 'number' &&
    typeof value.text === 'string'
  );
}

/** The message in a text frame, or null when it is none of ours. */
export function decode(text: unknown): Message | null {
  let raw: unknown;
  try {
    raw = JSON.parse(String(text));
  } catch {
    return null;
  }
  if (
    !isRecord(raw) ||
    typeof raw.topic !== 'string' ||
    typeof raw.epoch !== 'string'
  ) {
    return null;
  }
  const seq = typeof raw.seq === 'number' ? raw.seq : 0;
  const head = { epoch: raw.epoch, topic: raw.topic, seq };
  if (isRecord(raw.error)) {
    const { message, reason } = raw.error;
    const slow = reason === 'slow';
    return { ...head, kind: 'error', message: String(message), slow };
  }
  if (typeof raw.seq !== 'number') {
    return null;
  }
  for (const kind of ['snapshot', 'changes'] as const) {
    const rows = raw[kind];
    if (Array.isArray(rows)) {
      return { ...head, kind, rows: rows.filter(isRecord) };
    }
  }
  if (Array.isArray(raw.lines)) {
    return { ...head, kind: 'lines', lines: raw.lines.filter(isLine) };
  }
  if (typeof raw.lagged === 'number') {
    return { ...head, kind: 'lagged', offset: raw.lagged };
  }
  return null;
}
