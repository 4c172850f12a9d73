/**
 * The dialog around the form. It stays open while the server has something
 * against what was filled in, so that nothing has to be typed twice.
 */
import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { INewClusterOptions } from './body';
import { Body } from './body';

export type { INewClusterOptions } from './body';

/** The places of the buttons. */
const CANCEL = 0;
const PREVIEW = 1;
const START = 3;

function buttons(trans: TranslationBundle): Dialog.IButton[] {
  return [
    Dialog.cancelButton({ label: trans.__('Cancel') }),
    Dialog.createButton({ label: trans.__('Preview'), accept: false }),
    Dialog.createButton({ label: trans.__('Create') }),
    Dialog.okButton({ label: trans.__('Create and Start') })
  ];
}

/** A dialog whose accepting buttons first ask the server. */
class NewClusterDialog extends Dialog<unknown> {
  constructor(
    private readonly _form: Body,
    { trans }: INewClusterOptions
  ) {
    super({
      title: trans.__('New Cluster'),
      body: _form,
      hasClose: true,
      buttons: buttons(trans),
      defaultButton: START
    });
  }

  override handleEvent(event: Event): void {
    const key = event instanceof KeyboardEvent && event.type === 'keydown';
    if (!key || !this._form.owns(event)) {
      super.handleEvent(event);
    }
  }

  override resolve(index?: number): void {
    const at = index ?? START;
    if (at === CANCEL || this.isDisposed) {
      super.resolve(at);
      return;
    }
    if (this._asking || !this._form.complete()) {
      return;
    }
    this._asking = true;
    const asked =
      at === PREVIEW ? this._form.preview() : this._form.create(at === START);
    void asked
      .then(done => {
        if (done && at !== PREVIEW) {
          super.resolve(at);
        }
      })
      .finally(() => {
        this._asking = false;
      });
  }

  private _asking = false;
}

/** Show the dialog; resolves when it is closed. */
export async function newCluster(options: INewClusterOptions): Promise<void> {
  const dialog = new NewClusterDialog(new Body(options), options);
  dialog.addClass('jlc-NewClusterDialog');
  await dialog.launch();
}
