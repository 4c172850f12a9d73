/**
 * Renders anew when a signal speaks. Never keeps a slot after unmount.
 */
import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer } from 'react';

export function useChanged<S, A>(signal: ISignal<S, A>): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const slot = () => again();
    signal.connect(slot);
    again(); // what changed between render and effect
    return () => {
      signal.disconnect(slot);
    };
  }, [signal]);
}
