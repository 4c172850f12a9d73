/** State topics that are read and logs that are followed, whichever way their news comes. */
import type { ITopicReader } from '../cluster/source';
import type { ILine } from '../cluster/state';
import type { ILogReader } from '../tokens';
import type { IWanting } from './asking';

/** A state topic that is read: by whom, what is known, and up to which number. */
export interface IHeld {
  readonly readers: Set<ITopicReader>;
  seq: number | null;
}

/** A log that is followed, and the offset from which to go on. */
export interface IFollowed {
  readonly reader: ILogReader;
  readonly topic: string;
  offset: number;
  /** Until a line before this offset comes, lines are still the ones meant for others. */
  joining: number | null;
}

/** Lines that a reader does not have yet. */
export function add(
  followed: IFollowed,
  lines: readonly ILine[],
  end: number
): void {
  const fresh = lines.filter(line => line.offset >= followed.offset);
  followed.offset = Math.max(followed.offset, end);
  followed.reader.lines(fresh, followed.offset);
}

/** A reader fell behind, and goes on from there. */
export function lag(followed: IFollowed, offset: number): void {
  followed.offset = offset;
  followed.reader.lagged(offset);
}

/** The same for who asks by requests; `answers` hears whether the server does. */
export function wanting(
  held: ReadonlyMap<string, IHeld>,
  followed: ReadonlyMap<string, ReadonlySet<IFollowed>>,
  answers: (yes: boolean) => void
): IWanting {
  const furthest = (all: ReadonlySet<IFollowed>) =>
    Math.min(...[...all].map(one => one.offset));
  return {
    get topics() {
      return [...held.keys()];
    },
    get logs() {
      return new Map([...followed].map(([t, all]) => [t, furthest(all)]));
    },
    rows: (topic, kind, rows) => {
      const one = held.get(topic);
      if (one) {
        // The stream's numbers do not count what was learned without it.
        one.seq = null;
        one.readers.forEach(reader => reader[kind](rows));
      }
    },
    lines: (topic, lines, end) =>
      followed.get(topic)?.forEach(one => add(one, lines, end)),
    lagged: (topic, offset) =>
      followed.get(topic)?.forEach(one => lag(one, offset)),
    answers
  };
}
