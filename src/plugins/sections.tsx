/**
 * The sections of the sidebar: the list of clusters, the engines of the
 * selected one and its load. Every button runs a command; what is hidden asks
 * for nothing.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  CommandToolbarButton,
  PanelWithToolbar,
  ReactWidget
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';
import React from 'react';

import { isFresh } from '../cluster/summary';
import type { IClusters } from '../tokens';
import { CommandIDs } from '../tokens';
import { EngineTable } from '../ui/engines';
import { Activity } from '../ui/plots';
import { Selected } from '../ui/sidebar';
import { ClusterList } from './clusterlist';
import '../../style/sidebar.css';
import '../../style/engines.css';

/** All sections, in order. */
export function sections(
  commands: CommandRegistry,
  clusters: IClusters,
  trans: TranslationBundle
): Widget[] {
  const list = section(
    trans.__('Clusters'),
    new ClusterList(commands, clusters, trans)
  );
  list.toolbar.addItem(
    'new-cluster',
    new CommandToolbarButton({
      commands,
      id: CommandIDs.create,
      label: '',
      caption: trans.__('New cluster')
    })
  );
  return [
    list,
    section(trans.__('Engines'), enginesOf(commands, clusters, trans)),
    section(trans.__('Activity'), activityOf(clusters, trans))
  ];
}

function section(label: string, body: Widget): PanelWithToolbar {
  const part = new PanelWithToolbar();
  part.title.label = label;
  part.addWidget(body);
  part.addClass('jlc-Section');
  return part;
}

/** Draws only while it can be seen. */
class WhileVisible extends ReactWidget {
  constructor(private readonly _draw: () => JSX.Element) {
    super();
    this.addClass('jlc-WhileVisible');
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.update();
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.update();
  }

  protected render(): JSX.Element {
    return this.isVisible ? this._draw() : <></>;
  }
}

function enginesOf(
  commands: CommandRegistry,
  clusters: IClusters,
  trans: TranslationBundle
): Widget {
  const hold = (key: string) => clusters.engines(key);
  const run = (id: string, key: string, slot: number) =>
    void commands.execute(id, { key, slot });
  return new WhileVisible(() => (
    <Selected
      clusters={clusters}
      hold={hold}
      trans={trans}
      draw={(engines, cluster) => (
        <EngineTable
          engines={engines}
          cluster={cluster}
          trans={trans}
          stale={!isFresh(clusters.link)}
          actions={{
            openLog: slot =>
              void commands.execute(CommandIDs.openLog, {
                key: cluster.key,
                // Where a launcher has one log for all engines, it is the job's.
                log: cluster.capabilities.log_per_engine
                  ? `slot-${slot}`
                  : 'job'
              }),
            interrupt: slot =>
              run(CommandIDs.interruptEngine, cluster.key, slot),
            restart: slot => run(CommandIDs.restartEngine, cluster.key, slot),
            stop: slot => run(CommandIDs.stopEngine, cluster.key, slot)
          }}
        />
      )}
    />
  ));
}

function activityOf(clusters: IClusters, trans: TranslationBundle): Widget {
  const hold = (key: string) => clusters.loads(key);
  return new WhileVisible(() => (
    <Selected
      clusters={clusters}
      hold={hold}
      trans={trans}
      draw={(loads, cluster) => (
        <Activity
          loads={loads}
          engines={cluster.engines.launched}
          trans={trans}
        />
      )}
    />
  ));
}
