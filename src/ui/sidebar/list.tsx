/**
 * All clusters in the server's order. Data stays, greyed, while the server is
 * out of reach. Arrow keys go from row to row, Delete asks to stop.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IProfile } from '../../cluster/state';
import { canStop, isFresh, nameOf } from '../../cluster/summary';
import type { IClusters } from '../../tokens';
import { useChanged } from '../common/usechanged';
import type { IRowActions } from './row';
import { Row } from './row';
import { stateWord } from './words';

/** Properties of {@link List}. */
export interface IListProps {
  clusters: IClusters;
  profiles: readonly IProfile[];
  cores: number;
  actions: IRowActions;
  trans: TranslationBundle;
}

/** The list of clusters. */
export function List(props: IListProps): JSX.Element {
  const { clusters, profiles, cores, actions, trans } = props;
  useChanged(clusters.changed);
  useChanged(clusters.linkChanged);
  useChanged(clusters.selectedChanged);
  const list = React.useRef<HTMLUListElement>(null);
  const { all, link, selected } = clusters;
  const stale = !isFresh(link);
  const tabbable = selected ?? all[0]?.key;
  const fresh = all.length === 1 && all[0].state === 'stopped';
  return (
    <div className={`jlc-List${stale ? ' jlc-mod-stale' : ''}`}>
      <div
        className={`jlc-List-link${link === 'asking' ? ' jlc-mod-quiet' : ''}`}
        role="status"
      >
        {link === 'reconnecting' &&
          trans.__('Server out of reach, reconnecting…')}
        {link === 'connecting' && trans.__('Connecting…')}
        {link === 'asking' &&
          trans.__('No live connection: asking every few seconds')}
      </div>
      {fresh && (
        <p className="jlc-List-welcome">
          {trans.__(
            'A cluster is a set of Python engines that compute for your notebooks side by side. Press Start to get some on this machine.'
          )}
        </p>
      )}
      <ul
        ref={list}
        className="jlc-List-rows"
        aria-label={trans.__('Clusters')}
        onKeyDown={event => onKey(event, list.current, clusters, actions)}
      >
        {all.map(cluster => (
          <Row
            key={cluster.key}
            cluster={cluster}
            asked={clusters.asked.get(cluster.key)}
            profile={profiles.find(one => one.name === cluster.profile)}
            selected={cluster.key === selected}
            tabbable={cluster.key === tabbable}
            cores={cores}
            stale={stale}
            actions={actions}
            trans={trans}
          />
        ))}
      </ul>
      <News clusters={clusters} trans={trans} />
    </div>
  );
}

/** Tells a screen reader of states that changed, politely. */
function News(props: {
  clusters: IClusters;
  trans: TranslationBundle;
}): JSX.Element {
  const { clusters, trans } = props;
  const [news, setNews] = React.useState('');
  React.useEffect(() => {
    const before = new Map(clusters.all.map(c => [c.key, stateWord(c, trans)]));
    const look = (_: IClusters, change: { keys: readonly string[] }): void => {
      for (const key of change.keys) {
        const cluster = clusters.get(key);
        const word = cluster
          ? stateWord(cluster, trans)
          : trans.__('forgotten');
        if (cluster && before.get(key) !== word) {
          setNews(`${nameOf(cluster)}: ${word}`);
        }
        before.set(key, word);
      }
    };
    clusters.changed.connect(look);
    return () => {
      clusters.changed.disconnect(look);
    };
  }, [clusters, trans]);
  return (
    <div className="jlc-News" role="status">
      {news}
    </div>
  );
}

function onKey(
  event: React.KeyboardEvent,
  list: HTMLElement | null,
  clusters: IClusters,
  actions: IRowActions
): void {
  const row = event.target as HTMLElement;
  const key = row.dataset?.key;
  if (!list || key === undefined) {
    return; // a control within a row
  }
  const rows = [...list.querySelectorAll<HTMLElement>('.jlc-Row')];
  const at = rows.indexOf(row);
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: rows.length - 1
  };
  const cluster = clusters.get(key);
  if (event.key in steps) {
    rows[steps[event.key]]?.focus();
    event.preventDefault();
  } else if (event.key === 'Delete' && cluster && canStop(cluster)) {
    actions.stop(key);
    event.preventDefault();
  }
}
