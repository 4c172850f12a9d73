/** A cell for each engine; many engines are condensed, so that a row stays a row. */
import React from 'react';

import type { ICluster } from '../../cluster/state';

/** More engines than this are drawn in proportion. */
const MOST = 64;

type Kind = 'busy' | 'idle' | 'waiting' | 'lost';

/** How many cells of each kind are drawn; a kind that is there is never left out. */
export function cellCounts(cluster: ICluster): Record<Kind, number> {
  const { launched, registered, busy, lost } = cluster.engines;
  const counts: Record<Kind, number> = {
    busy,
    idle: Math.max(0, registered - busy),
    waiting: Math.max(
      launched - registered,
      cluster.state === 'starting' ? cluster.wanted - registered : 0
    ),
    lost
  };
  const all = counts.busy + counts.idle + counts.waiting + counts.lost;
  if (all > MOST) {
    for (const kind of Object.keys(counts) as Kind[]) {
      const share = Math.round((counts[kind] * MOST) / all);
      counts[kind] = counts[kind] > 0 ? Math.max(1, share) : 0;
    }
  }
  return counts;
}

/** The cells; the words beside them say the same to a screen reader. */
export function Cells(props: { cluster: ICluster }): JSX.Element {
  const counts = cellCounts(props.cluster);
  return (
    <div className="jlc-Cells" aria-hidden="true">
      {(Object.keys(counts) as Kind[]).flatMap(kind =>
        Array.from({ length: counts[kind] }, (_, at) => (
          <span
            key={`${kind}${at}`}
            className={`jlc-Cells-cell jlc-mod-${kind}`}
          />
        ))
      )}
    </div>
  );
}
