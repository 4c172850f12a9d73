/** A card on JupyterLab's start page that leads to the sidebar. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../tokens';

/** Adds the card. */
export const startCard: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:start-card',
  description: 'Adds a card that opens the Clusters sidebar.',
  autoStart: true,
  optional: [ILauncher, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    launcher?.add({
      command: CommandIDs.show,
      category: trans.__('Other'),
      rank: 20
    });
  }
};
