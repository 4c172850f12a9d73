import './pointer';

import type { Drag } from '@lumino/dragdrop';

import { CELLS_MIME, codeCell, dragCode, payload } from '../drag';

const CODE = 'import x\nx.y("a")';

function pointer(type: string, x: number, y: number): MouseEvent {
  const place = { clientX: x, clientY: y, button: 0 };
  return new MouseEvent(type, { ...place, bubbles: true, cancelable: true });
}

function send(type: string, x: number, y: number): void {
  document.body.dispatchEvent(pointer(type, x, y));
}

const target = document.createElement('div');

const image = () => document.querySelector('.jlc-Drag');

beforeAll(() => {
  // The test's DOM lays nothing out.
  document.body.append(target);
  document.elementFromPoint = () => target;
});

it('carries one whole cell, and its text', () => {
  const data = payload(CODE);
  expect(data.types()).toEqual([CELLS_MIME, 'text/plain']);
  expect(data.getData(CELLS_MIME)).toEqual([codeCell(CODE)]);
  expect(data.getData('text/plain')).toBe(CODE);
});

it('begins after five pixels and drops a copy', () => {
  const dropped: unknown[] = [];
  const enter = (event: Event) => event.preventDefault();
  const over = (event: Event) => {
    event.preventDefault();
    (event as Drag.Event).dropAction = (event as Drag.Event).proposedAction;
  };
  const drop = (event: Event) => {
    event.preventDefault();
    const { mimeData, proposedAction } = event as Drag.Event;
    dropped.push(proposedAction, mimeData.getData('text/plain'));
  };
  target.addEventListener('lm-dragenter', enter);
  target.addEventListener('lm-dragover', over);
  target.addEventListener('lm-drop', drop);

  dragCode(pointer('pointerdown', 10, 10), CODE, 'default');
  send('pointermove', 14, 10);
  expect(image()).toBeNull();
  send('pointermove', 15, 10);
  expect(image()?.textContent).toBe('default');
  send('pointermove', 40, 40);
  send('pointerup', 40, 40);

  expect(dropped).toEqual(['copy', CODE]);
  expect(image()).toBeNull();
  target.removeEventListener('lm-dragenter', enter);
  target.removeEventListener('lm-dragover', over);
  target.removeEventListener('lm-drop', drop);
});

it('is a click when let go before', () => {
  dragCode(pointer('pointerdown', 10, 10), CODE, 'default');
  send('pointerup', 10, 10);
  send('pointermove', 90, 90);
  expect(image()).toBeNull();
});

it('is begun by the main button only', () => {
  const down = new MouseEvent('pointerdown', { button: 2 });
  dragCode(down, CODE, 'default');
  send('pointermove', 90, 90);
  expect(image()).toBeNull();
});
