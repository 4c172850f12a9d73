/**
 * Tells the scrolling that a reader does from that which happens by itself
 * when lines are added or dropped: only the first is told.
 */
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';

/** So long after a wheel or a key a scroll is the reader's, in milliseconds. */
const BY_HAND = 500;
const NEAR = 4;
const UP = ['ArrowUp', 'PageUp', 'Home'];
const DOWN = ['ArrowDown', 'PageDown', 'End'];

export function watchScroll(
  node: HTMLElement,
  told: (place: { readonly start: boolean; readonly end: boolean }) => void
): IDisposable {
  let touched = -Infinity;
  let pressed = false;
  const touch = () => {
    touched = performance.now();
  };
  const press = () => {
    pressed = true;
  };
  const release = () => {
    if (pressed) {
      pressed = false;
      touch();
    }
  };
  const scroll = () => {
    if (pressed || performance.now() - touched < BY_HAND) {
      const { scrollTop, clientHeight, scrollHeight } = node;
      told({
        start: scrollTop < clientHeight / 2,
        end: scrollTop + clientHeight >= scrollHeight - NEAR
      });
    }
  };
  // At the very start or end a wheel turns in vain: no scroll, but a wish.
  const wish = (up: boolean, down: boolean) => {
    touch();
    const { scrollTop, clientHeight, scrollHeight } = node;
    const atEnd = scrollTop + clientHeight >= scrollHeight - NEAR;
    if (up && scrollTop === 0) {
      told({ start: true, end: false });
    } else if (down && atEnd) {
      told({ start: false, end: true });
    }
  };
  const wheel = (event: WheelEvent) => wish(event.deltaY < 0, event.deltaY > 0);
  const key = (event: KeyboardEvent) =>
    wish(UP.includes(event.key), DOWN.includes(event.key));
  const ending = new AbortController();
  const options = { passive: true, signal: ending.signal };
  node.addEventListener('scroll', scroll, options);
  node.addEventListener('wheel', wheel, options);
  node.addEventListener('keydown', key, options);
  node.addEventListener('touchmove', touch, options);
  node.addEventListener('pointerdown', press, options);
  window.addEventListener('pointerup', release, options);
  return new DisposableDelegate(() => ending.abort());
}
