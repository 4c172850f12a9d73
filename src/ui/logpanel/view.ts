/**
 * The lines of a log in a read-only editor: real text to select, copy and
 * read aloud, drawn only where it is seen. Knows nothing of where lines come
 * from; never inserts HTML.
 */
import { Compartment, EditorState, RangeSetBuilder } from '@codemirror/state';
import type { DecorationSet, ViewUpdate } from '@codemirror/view';
import { Decoration, EditorView, keymap, ViewPlugin } from '@codemirror/view';
import type { IDisposable } from '@lumino/disposable';

import type { IKept } from '../../logs/buffer';
import type { IPrinting } from './print';
import { print } from './print';
import { watchScroll } from './scroll';

/** What the view tells whoever shows it. */
export interface IViewEvents {
  /** The reader scrolled; whether to the start or to the end. */
  scrolled(place: { readonly start: boolean; readonly end: boolean }): void;
}

/** A place in the view: a line, counted from 0, and columns in it. */
export interface IPlace {
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

export class LogView implements IDisposable {
  constructor(parent: HTMLElement, label: string, events: IViewEvents) {
    this._label = label;
    this._view = new EditorView({
      parent,
      state: EditorState.create({
        extensions: [
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.contentAttributes.of(() => ({
            'aria-label': this._label,
            'aria-multiline': 'true',
            'aria-readonly': 'true',
            role: 'textbox',
            tabindex: '0'
          })),
          keymap.of([{ key: 'Mod-a', run: selectAll }]),
          this._wrapping.of([]),
          this._colours()
        ]
      })
    });
    this._watch = watchScroll(this._view.scrollDOM, place =>
      events.scrolled(place)
    );
  }

  get isDisposed(): boolean {
    return this._watch.isDisposed;
  }

  /** The lines shown, one for each line of the text. */
  get shown(): readonly IKept[] {
    return this._shown;
  }

  /** The text as it is shown. */
  get text(): string {
    return this._view.state.doc.toString();
  }

  /** The same by lines, one for each of those shown. */
  get lines(): readonly string[] {
    return this._shown.length === 0 ? [] : this.text.split('\n');
  }

  /** The place of the last find; null when lines before it changed it away. */
  get place(): IPlace | null {
    const at = this._at;
    const line = at === null ? -1 : this._lineOf(at.number);
    return at === null || line < 0 ? null : { line, from: at.from, to: at.to };
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._watch.dispose();
      this._view.destroy();
    }
  }

  set label(label: string) {
    this._label = label;
    this._view.dispatch({});
  }

  set wrap(wrap: boolean) {
    this._wrap = wrap;
    this._view.dispatch({
      effects: this._wrapping.reconfigure(wrap ? EditorView.lineWrapping : [])
    });
  }

  focus(): void {
    this._view.focus();
  }

  /** The editor has no size while it is hidden. */
  measure(): void {
    this._view.requestMeasure();
  }

  /** Shows other lines, or the same otherwise; stays at the line at the top. */
  show(lines: readonly IKept[], printing: IPrinting): void {
    const top = this._top();
    this._printing = printing;
    this._shown = [...lines];
    const insert = this._print(lines);
    this._view.dispatch({
      changes: { from: 0, to: this._view.state.doc.length, insert }
    });
    const line = top === null ? -1 : this._lineNear(top);
    if (line >= 0) {
      this._view.dispatch({ effects: this._scroll(line, 'start') });
    }
  }

  /** Adds at the end, and drops what stands before the line `first`. */
  append(lines: readonly IKept[], first: number): void {
    const gone = this._shown.findIndex(line => line.number >= first);
    const dropped = gone < 0 ? this._shown.length : gone;
    if (lines.length === 0 && dropped === 0) {
      return;
    }
    const { doc } = this._view.state;
    const old = this._shown.length;
    const all = dropped === old;
    const cut = all ? doc.length : doc.line(dropped + 1).from;
    this._shown.splice(0, dropped);
    for (const line of lines) {
      this._shown.push(line);
    }
    const text = this._print(lines);
    this._view.dispatch({
      changes: [
        { from: 0, to: cut },
        {
          from: doc.length,
          insert: all || lines.length === 0 ? text : `\n${text}`
        }
      ]
    });
  }

  /** Adds at the start keeping the place, and drops what stands after `last`. */
  prepend(lines: readonly IKept[], last: number): void {
    const top = this._top();
    const kept = this._shown.filter(line => line.number <= last);
    const { doc } = this._view.state;
    const cut = kept.length > 0 ? doc.line(kept.length).to : 0;
    const none = kept.length === 0;
    this._shown = [...lines, ...kept];
    const text = this._print(lines);
    this._view.dispatch({
      changes: [
        { from: 0, insert: none || lines.length === 0 ? text : `${text}\n` },
        { from: cut, to: doc.length }
      ]
    });
    const line = top === null ? -1 : this._lineNear(top);
    if (line >= 0 && lines.length > 0) {
      this._view.dispatch({ effects: this._scroll(line, 'start') });
    }
  }

  toEnd(): void {
    const { doc } = this._view.state;
    const at = this._wrap ? doc.length : doc.line(doc.lines).from;
    this._view.dispatch({
      effects: EditorView.scrollIntoView(at, { y: 'end', yMargin: 0 })
    });
  }

  /** Goes to a place and marks it. */
  go(place: IPlace): void {
    const line = this._shown[place.line];
    const from = this._view.state.doc.line(place.line + 1).from + place.from;
    this._at = { number: line.number, from: place.from, to: place.to };
    this._view.dispatch({
      selection: { anchor: from, head: from + place.to - place.from },
      effects: EditorView.scrollIntoView(from, { y: 'center' })
    });
  }

  private _print(lines: readonly IKept[]): string {
    return lines.map(line => print(line, this._printing).text).join('\n');
  }

  private _scroll(line: number, y: 'start') {
    const { from } = this._view.state.doc.line(line + 1);
    return EditorView.scrollIntoView(from, { y, yMargin: 0 });
  }

  /** The number of the line at the top. */
  private _top(): number | null {
    const { scrollDOM, state } = this._view;
    const block = this._view.lineBlockAtHeight(scrollDOM.scrollTop);
    const line = state.doc.lineAt(block.from).number;
    return this._shown[line - 1]?.number ?? null;
  }

  private _lineOf(number: number): number {
    const line = this._lineNear(number);
    return this._shown[line]?.number === number ? line : -1;
  }

  /** The first line not before `number`. */
  private _lineNear(number: number): number {
    let low = 0;
    let high = this._shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this._shown[middle].number < number) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < this._shown.length ? low : low - 1;
  }

  private _colours() {
    const decorate = (view: EditorView) => this._decorations(view);
    return ViewPlugin.fromClass(
      class {
        constructor(view: EditorView) {
          this.decorations = decorate(view);
        }

        update(update: ViewUpdate): void {
          if (
            update.docChanged ||
            update.viewportChanged ||
            update.selectionSet
          ) {
            this.decorations = decorate(update.view);
          }
        }

        decorations: DecorationSet;
      },
      { decorations: one => one.decorations }
    );
  }

  private _decorations(view: EditorView): DecorationSet {
    const { doc } = view.state;
    const builder = new RangeSetBuilder<Decoration>();
    for (const { from, to } of view.visibleRanges) {
      let line = doc.lineAt(from);
      while (line.from <= to) {
        this._decorateLine(builder, line.number - 1, line.from);
        if (line.number === doc.lines) {
          break;
        }
        line = doc.line(line.number + 1);
      }
    }
    return builder.finish();
  }

  private _decorateLine(
    builder: RangeSetBuilder<Decoration>,
    index: number,
    from: number
  ): void {
    const kept = this._shown[index];
    if (!kept) {
      return;
    }
    const { start, marks } = print(kept, this._printing);
    const kind = kept.kind === 'note' ? 'note' : kept.level;
    if (kind !== 'other') {
      builder.add(
        from,
        from,
        Decoration.line({ class: `jlc-Log-line jlc-mod-${kind}` })
      );
    }
    if (start > 0) {
      builder.add(
        from,
        from + start,
        Decoration.mark({ class: 'jlc-Log-label' })
      );
    }
    const at = this._at?.number === kept.number ? this._at : null;
    const base = from + start;
    for (const range of withMatch(marks, at, start)) {
      builder.add(
        base + range.from,
        base + range.to,
        Decoration.mark({ class: range.className })
      );
    }
  }

  private readonly _view: EditorView;
  private readonly _wrapping = new Compartment();
  private readonly _watch: IDisposable;
  private _label: string;
  private _wrap = false;
  private _shown: IKept[] = [];
  private _printing: IPrinting = { times: false, label: null };
  private _at: {
    readonly number: number;
    readonly from: number;
    readonly to: number;
  } | null = null;
}

/** The browser would take only what is drawn. */
function selectAll(view: EditorView): boolean {
  view.dispatch({ selection: { anchor: 0, head: view.state.doc.length } });
  return true;
}

interface IRange {
  readonly from: number;
  readonly to: number;
  readonly className: string;
}

/** Marks and the found place, in the order in which an editor takes them. */
function withMatch(
  marks: readonly IRange[],
  at: { readonly from: number; readonly to: number } | null,
  start: number
): readonly IRange[] {
  if (!at || at.to <= at.from) {
    return marks;
  }
  const match = {
    from: at.from - start,
    to: at.to - start,
    className: 'jlc-Log-match'
  };
  return [...marks, match].sort((a, b) => a.from - b.from);
}
