/** The dialog that shows what a start would do. */
import { Clipboard, Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ICluster, IPreview } from '../../cluster/state';
import { nameOf } from '../../cluster/summary';
import { Preview } from './preview';

/** Returns when it is closed. */
export async function showPreview(
  cluster: ICluster,
  engines: number,
  preview: IPreview,
  trans: TranslationBundle
): Promise<void> {
  const dialog = new Dialog({
    title: trans._n(
      'Start of %2 with %1 engine',
      'Start of %2 with %1 engines',
      engines,
      nameOf(cluster)
    ),
    body: (
      <Preview
        preview={preview}
        copy={text => Clipboard.copyToSystem(text)}
        trans={trans}
      />
    ),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  dialog.addClass('jlc-PreviewDialog');
  await dialog.launch();
}
