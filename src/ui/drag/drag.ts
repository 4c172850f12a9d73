/**
 * Dragging code into a notebook, console or editor. A notebook takes the cell,
 * every code editor the text. Nothing begins before the pointer has moved, so
 * a click stays a click, and nothing is left behind when it is let go.
 */
import type { ICodeCell } from '@jupyterlab/nbformat';
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';

/** What a notebook takes: a list of cells. */
export const CELLS_MIME = 'application/vnd.jupyter.cells';

/** How far the pointer moves before it is a drag (pixels). */
const THRESHOLD = 5;

/** A code cell of nbformat, not yet run. */
export function codeCell(source: string): ICodeCell {
  return {
    cell_type: 'code',
    source,
    metadata: {},
    outputs: [],
    execution_count: null
  };
}

/** The code as what each kind of target takes. */
export function payload(code: string): MimeData {
  const data = new MimeData();
  data.setData(CELLS_MIME, [codeCell(code)]);
  data.setData('text/plain', code);
  return data;
}

/** What is shown at the pointer. */
function image(label: string): HTMLElement {
  const node = document.createElement('div');
  node.className = 'jlc-Drag';
  node.textContent = label;
  return node;
}

/**
 * The pointer went down on something that can be dragged: begin once it has
 * moved, or do nothing when it is let go before.
 *
 * @param down - the event of the main button going down
 * @param code - the Python text that is dragged
 * @param label - what is shown at the pointer; absent: the first line that does something
 */
export function dragCode(
  down: MouseEvent,
  code: string,
  label = code.split('\n').find(line => line.includes('=')) ?? code
): void {
  if (down.button !== 0) {
    return;
  }
  const move = (event: MouseEvent): void => {
    const x = Math.abs(event.clientX - down.clientX);
    const y = Math.abs(event.clientY - down.clientY);
    if (Math.max(x, y) >= THRESHOLD) {
      end();
      void dragOf(code, label).start(event.clientX, event.clientY);
    }
  };
  const end = (): void => {
    document.removeEventListener('pointermove', move, true);
    document.removeEventListener('pointerup', end, true);
    document.removeEventListener('pointercancel', end, true);
  };
  document.addEventListener('pointermove', move, true);
  document.addEventListener('pointerup', end, true);
  document.addEventListener('pointercancel', end, true);
}

/** A drag lets go of all it holds when it ends. */
function dragOf(code: string, label: string): Drag {
  return new Drag({
    mimeData: payload(code),
    dragImage: image(label),
    supportedActions: 'copy',
    proposedAction: 'copy'
  });
}
