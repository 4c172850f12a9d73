/**
 * The widget around a profile's page: has the profile read when it is looked
 * at, and again while the server is still reading. Asks for nothing unseen.
 */
import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';

import type { ILauncherModel, IPlace, IProfile } from '../../cluster/state';
import type { IHostTesting } from '../../tokens';
import { ProfilePage } from './page';
import '../../../style/profilepage.css';

/** How long a profile may be read before it is asked for again (milliseconds). */
const READING = 500;
/** As often as that; then the person is told so by what is shown. */
const TRIES = 20;

/** What the page is given. */
export interface IProfilePanelOptions {
  profile: string;
  launchers: readonly ILauncherModel[];
  /** The panel disposes of it. */
  hosts: IHostTesting;
  trans: TranslationBundle;
  profiles(): Promise<readonly IProfile[]>;
  save(
    launcher: string,
    options: Readonly<Record<string, unknown>>,
    engines: number | null
  ): Promise<void>;
  open(place: IPlace): Promise<'opened' | 'copied'>;
}

/** The content of the panel. */
export class ProfilePanel extends ReactWidget {
  constructor(private readonly _options: IProfilePanelOptions) {
    super();
    this.addClass('jlc-ProfilePage');
    const { profile, trans } = _options;
    this.title.label = trans.__('Profile %1', profile);
    this.title.caption = trans.__(
      'Settings of the IPython profile %1',
      profile
    );
  }

  get profile(): string {
    return this._options.profile;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._options.hosts.dispose();
    }
    super.dispose();
  }

  /** Have it read again; resolves when that is done. */
  async read(): Promise<void> {
    const reading = (this._reading += 1);
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const all = await this._options.profiles();
        if (this.isDisposed || reading !== this._reading) {
          return;
        }
        this._shown = all.find(one => one.name === this.profile) ?? null;
        this._error = '';
        this.update();
        // The first answer is what was known; reading begins with the question.
        if (tries > 0 && !this._shown?.loading) {
          return;
        }
        await new Promise(resolve => setTimeout(resolve, READING));
      }
    } catch (error) {
      this._error = error instanceof Error ? error.message : String(error);
      this.update();
    }
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    void this.read();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    void this.read();
  }

  protected render(): JSX.Element {
    const { launchers, hosts, trans, open, save } = this._options;
    if (this._shown === null) {
      return (
        <p className="jlc-ProfilePage-body" role="status">
          {this._error ||
            (this._reading > 0 &&
              trans.__(
                'There is no profile %1 yet, or it is being read.',
                this.profile
              ))}
        </p>
      );
    }
    return (
      <ProfilePage
        profile={this._shown}
        launchers={launchers}
        hosts={hosts}
        trans={trans}
        actions={{
          open,
          read: () => void this.read(),
          save: async (launcher, options, engines) => {
            await save(launcher, options, engines);
            await this.read();
          }
        }}
      />
    );
  }

  private _shown: IProfile | null = null;
  private _error = '';
  private _reading = 0;
}

/** The panel as it is put into the main area. */
export function createProfilePanel(
  options: IProfilePanelOptions
): MainAreaWidget<ProfilePanel> {
  const widget = new MainAreaWidget({ content: new ProfilePanel(options) });
  widget.id = `jlc-profile-${options.profile}`;
  widget.title.closable = true;
  widget.toolbar.hide();
  return widget;
}
