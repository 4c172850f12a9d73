/**
 * The Clusters sidebar: the list of clusters, the engines of the selected one
 * and its load. Every button runs a command; what is hidden asks for nothing.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import {
  CommandToolbarButton,
  PanelWithToolbar,
  ReactWidget,
  SidePanel
} from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';
import React from 'react';

import { CommandIDs, IClusters } from '../tokens';
import { EngineTable } from '../ui/engines';
import { Activity } from '../ui/plots';
import { Selected } from '../ui/sidebar/selected';
import { ClusterList } from './clusterlist';
import { clusterIcon } from './icons';

/** Adds the sidebar. */
export const sidebar: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:sidebar',
  description: 'The sidebar that starts, watches and stops clusters.',
  autoStart: true,
  requires: [IClusters],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    const panel = new SidePanel({ translator: translator ?? undefined });
    panel.id = 'jupyterlab-clusters-sidebar';
    panel.title.icon = clusterIcon;
    panel.title.caption = trans.__('Clusters');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('Clusters'));
    panel.addClass('jlc-Sidebar');

    const list = section(
      trans.__('Clusters'),
      new ClusterList(app.commands, clusters, trans)
    );
    list.toolbar.addItem(
      'new-cluster',
      new CommandToolbarButton({
        commands: app.commands,
        id: CommandIDs.create,
        label: ''
      })
    );
    panel.addWidget(list);
    panel.addWidget(
      section(trans.__('Engines'), enginesOf(app, clusters, trans))
    );
    panel.addWidget(section(trans.__('Activity'), activityOf(clusters, trans)));
    app.shell.add(panel, 'left', { rank: 500, type: 'Clusters' });
    restorer?.add(panel, 'jupyterlab-clusters-sidebar');

    app.commands.addCommand(CommandIDs.show, {
      label: trans.__('Show Clusters'),
      caption: trans.__('Start, watch and stop IPython Parallel clusters'),
      icon: clusterIcon,
      execute: args => {
        if (typeof args.key === 'string') {
          clusters.selected = args.key;
        }
        app.shell.activateById(panel.id);
      },
      describedBy: {
        args: { type: 'object', properties: { key: { type: 'string' } } }
      }
    });
    palette?.addItem({
      command: CommandIDs.show,
      category: trans.__('Clusters')
    });
  }
};

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
  app: JupyterFrontEnd,
  clusters: IClusters,
  trans: TranslationBundle
): Widget {
  const hold = (key: string) => clusters.engines(key);
  const run = (id: string, key: string, slot: number) =>
    void app.commands.execute(id, { key, slot });
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
          stale={clusters.link !== 'live'}
          actions={{
            openLog: slot =>
              void app.commands.execute(CommandIDs.openLog, {
                key: cluster.key,
                log: `slot-${slot}`
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
      draw={loads => <Activity loads={loads} trans={trans} />}
    />
  ));
}
