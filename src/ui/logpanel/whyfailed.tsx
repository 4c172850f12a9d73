/** The dialog that shows what failed, and what it printed. */
import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ICluster, IFailure } from '../../cluster/state';
import { nameOf } from '../../cluster/summary';
import { Output } from './output';

/** Returns when it is closed. */
export async function showOutput(
  cluster: ICluster,
  failure: IFailure,
  trans: TranslationBundle
): Promise<void> {
  await showDialog({
    title: trans.__('Why %1 failed', nameOf(cluster)),
    body: (
      <Output
        failure={failure}
        copy={text => Clipboard.copyToSystem(text)}
        trans={trans}
      />
    ),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}
