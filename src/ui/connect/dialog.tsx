/** The dialog that tells how another computer connects. */
import { Clipboard, Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ICluster, IConnection } from '../../cluster/state';
import { nameOf } from '../../cluster/summary';
import { Connect } from './connect';

/** `content` fetches the connection file, with its key. Returns when it is closed. */
export async function showConnect(
  cluster: ICluster,
  place: IConnection,
  content: () => Promise<string>,
  trans: TranslationBundle
): Promise<void> {
  const dialog = new Dialog({
    title: trans.__('Connect to %1 from Elsewhere', nameOf(cluster)),
    body: (
      <Connect
        cluster={cluster}
        place={place}
        trans={trans}
        content={content}
        copy={text => Clipboard.copyToSystem(text)}
        save={save}
      />
    ),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  dialog.addClass('jlc-PreviewDialog');
  await dialog.launch();
}

/** Hands text to the browser as a file to keep. */
function save(name: string, text: string): void {
  const url = URL.createObjectURL(
    new Blob([text], { type: 'application/json' })
  );
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // Not before the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
