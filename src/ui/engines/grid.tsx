/** Rows of engines in a window of DOM rows; keys move the focus between them. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import React, { useCallback, useEffect, useRef, useState } from 'react';

import type { ICluster, IEngine } from '../../cluster/state';
import type { EngineActions } from './buttons';
import { Header } from './header';
import type { Column, IOrder } from './order';
import { EngineRow, ROW_HEIGHT } from './row';

/** Properties of the grid. */
export interface IGridProps {
  engines: readonly IEngine[];
  cluster: ICluster;
  trans: TranslationBundle;
  stale: boolean;
  actions: EngineActions;
  hosts: boolean;
  order: IOrder;
  sort: (by: Column) => void;
  chosen: number | null;
  choose: (slot: number) => void;
}

/** The grid itself. */
export function Grid(props: IGridProps): JSX.Element {
  const { engines, trans, hosts, chosen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [slot, setSlot] = useState<number | null>(null);
  const current = Math.max(
    0,
    engines.findIndex(engine => engine.slot === slot)
  );
  const rows = useVirtualizer({
    count: engines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: index => engines[index].slot,
    overscan: 8,
    scrollMargin: ROW_HEIGHT,
    scrollPaddingStart: ROW_HEIGHT,
    useFlushSync: false,
    // The current row is never taken away: it may have the focus.
    rangeExtractor: range => {
      const seen = defaultRangeExtractor(range);
      return seen.includes(current) || current >= engines.length
        ? seen
        : [...seen, current].sort((a, b) => a - b);
    }
  });
  const move = useFocus(scroller, index => {
    setSlot(engines[index].slot);
    rows.scrollToIndex(index);
  });
  const outer = props.choose;
  const choose = useCallback(
    (which: number) => {
      setSlot(which);
      outer(which);
    },
    [outer]
  );

  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>) => {
    const row = event.target as HTMLElement;
    if (row.getAttribute('role') !== 'row' || engines.length === 0) {
      return;
    }
    const page = Math.max(
      1,
      Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2
    );
    const to = target(event.key, current, engines.length, page);
    if (to !== null) {
      move(to);
    } else if (event.key === 'Enter') {
      props.actions.openLog(engines[current].slot);
    } else if (event.key === ' ') {
      choose(engines[current].slot);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={scroller}
      role="grid"
      className={`jlc-Engines-grid${hosts ? ' jlc-mod-hosts' : ''}`}
      aria-label={trans.__('Engines')}
      aria-rowcount={engines.length + 1}
      onKeyDown={onKeyDown}
    >
      <div role="rowgroup" className="jlc-Engines-head">
        <Header
          order={props.order}
          sort={props.sort}
          hosts={hosts}
          ranks={props.cluster.launcher === 'mpi'}
          trans={trans}
        />
      </div>
      <div
        role="rowgroup"
        className="jlc-Engines-body"
        style={{ height: engines.length * ROW_HEIGHT }}
      >
        {rows.getVirtualItems().map(({ index, key, start }) => (
          <EngineRow
            key={key}
            engine={engines[index]}
            cluster={props.cluster}
            trans={trans}
            stale={props.stale}
            actions={props.actions}
            index={index}
            top={start - ROW_HEIGHT}
            current={index === current}
            chosen={engines[index].slot === chosen}
            hosts={hosts}
            choose={choose}
          />
        ))}
      </div>
    </div>
  );
}

/** Where a key leads, or null for a key that does not move. */
function target(
  key: string,
  from: number,
  count: number,
  page: number
): number | null {
  const steps: Record<string, number> = {
    ArrowDown: from + 1,
    ArrowUp: from - 1,
    PageDown: from + page,
    PageUp: from - page,
    Home: 0,
    End: count - 1
  };
  const to = Object.hasOwn(steps, key) ? steps[key] : null;
  return to === null ? null : Math.min(count - 1, Math.max(0, to));
}

/** A function that makes a row the current one and gives it the focus once it is there. */
function useFocus(
  scroller: React.RefObject<HTMLElement>,
  make: (index: number) => void
): (index: number) => void {
  const wanted = useRef(false);
  useEffect(() => {
    if (wanted.current) {
      wanted.current = false;
      scroller.current
        ?.querySelector<HTMLElement>('[data-slot][tabindex="0"]')
        ?.focus({ preventScroll: true });
    }
  });
  return index => {
    wanted.current = true;
    make(index);
  };
}
