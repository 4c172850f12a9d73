/**
 * The Clusters sidebar. What it shows is fetched when it is first seen, so
 * that it costs nothing to those who do not open it.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { SidePanel } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { SplitPanel } from '@lumino/widgets';

import { CommandIDs, IClusters } from '../tokens';
import { clusterIcon } from './icons';

/** Of the height, for clusters, engines and activity. */
const SHARES = [5, 4, 2];

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
    const panel = new Sidebar(translator ?? nullTranslator, async () => {
      const { sections } = await import('./sections');
      sections(app.commands, clusters, trans).forEach(part =>
        panel.addWidget(part)
      );
      if (panel.content instanceof SplitPanel) {
        panel.content.setRelativeSizes(SHARES);
      }
    });
    panel.id = 'jupyterlab-clusters-sidebar';
    panel.title.icon = clusterIcon;
    panel.title.caption = trans.__('Clusters');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('Clusters'));
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

/** Fills itself when it is first seen. */
class Sidebar extends SidePanel {
  constructor(translator: ITranslator, fill: () => Promise<void>) {
    super({ translator });
    this._fill = fill;
    this.addClass('jlc-Sidebar');
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._seen();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._seen();
  }

  private _seen(): void {
    const fill = this._fill;
    if (this.isVisible && fill) {
      this._fill = null;
      fill().catch(error => {
        // The file could not be fetched: the next look tries again.
        this._fill = fill;
        console.error('The Clusters sidebar could not be loaded', error);
      });
    }
  }

  private _fill: (() => Promise<void>) | null;
}
