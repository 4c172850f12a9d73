/** A card on JupyterLab's start page that leads to the sidebar. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';

import { CommandIDs } from '../tokens';

/** Adds the card. */
export const startCard: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:start-card',
  description: 'Adds a card that opens the Clusters sidebar.',
  autoStart: true,
  optional: [ILauncher],
  activate: (app: JupyterFrontEnd, launcher: ILauncher | null): void => {
    launcher?.add({ command: CommandIDs.show, category: 'Other', rank: 20 });
  }
};
