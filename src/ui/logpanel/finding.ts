/**
 * Finds texts and errors in what is loaded, and then texts in the rest of the
 * log. Only the newest request counts; what it came to is told in the look.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { findError, findText } from './find';
import type { Look } from './look';
import type { Reading } from './reading';
import type { IPlace, LogView } from './view';

export class Finding {
  constructor(
    private readonly _look: Look,
    private readonly _view: LogView,
    private readonly _trans: TranslationBundle
  ) {}

  /** The log in which to find. */
  reading: Reading | null = null;

  /** The line gone to last, while it is shown. */
  get place(): { readonly line: number; readonly text: string } | null {
    const line = this._view.place?.line;
    const kept = line === undefined ? undefined : this._view.shown[line];
    return line === undefined || !kept ? null : { line, text: kept.text };
  }

  /** Goes to the next place of `text`; resolves when it is shown. */
  async text(text: string, backwards = false): Promise<void> {
    const turn = ++this._turn;
    if (text === '') {
      this._look.set({ found: '' });
      return;
    }
    const place = this._inView(text, this._view.place, backwards);
    if (place) {
      this._go(place);
      return;
    }
    await this._elsewhere(text, backwards, turn);
  }

  /** Goes to the next error that is loaded. */
  error(): void {
    this._turn += 1;
    const line = findError(this._view.shown, this._view.place?.line ?? -1);
    if (line < 0) {
      this._look.set({ found: this._trans.__('No errors in what is loaded') });
    } else {
      const { length } = this._view.lines[line];
      this._go({ line, from: 0, to: length });
    }
  }

  private _inView(
    text: string,
    from: IPlace | null,
    backwards: boolean
  ): IPlace | null {
    return findText(this._view.lines, text, from, backwards);
  }

  private async _elsewhere(
    text: string,
    backwards: boolean,
    turn: number
  ): Promise<void> {
    const { _trans: trans, _look: look, reading } = this;
    look.set({ found: trans.__('Searching the rest of the log…') });
    const isStale = () => turn !== this._turn || reading?.isDisposed !== false;
    try {
      const offset = (await reading?.search(text, backwards)) ?? null;
      if (isStale()) {
        return;
      }
      const place =
        offset === null
          ? this._inView(text, null, backwards)
          : await this._load(offset, text);
      if (isStale()) {
        return;
      }
      if (place) {
        this._go(place);
      } else {
        look.set({ found: trans.__('Not found') });
      }
    } catch (error) {
      if (!isStale()) {
        const found = error instanceof Error ? error.message : String(error);
        look.set({ found });
      }
    }
  }

  private async _load(offset: number, text: string): Promise<IPlace | null> {
    this._look.set({ follow: false, level: 'all', text: '' });
    await this.reading?.toOffset(offset);
    const { shown, lines } = this._view;
    let line = shown.length - 1;
    while (line > 0 && shown[line].offset > offset) {
      line -= 1;
    }
    const place = findText([lines[line] ?? ''], text, null, false);
    return shown[line]
      ? { line, from: place?.from ?? 0, to: place?.to ?? lines[line].length }
      : null;
  }

  private _go(place: IPlace): void {
    this._look.set({ follow: false, found: '' });
    this._view.go(place);
  }

  private _turn = 0;
}
