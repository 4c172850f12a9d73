/**
 * A profile as it is: what it leads to, each setting with the place that makes
 * it, and what is wrong with it. Shows what the server read; saves by a callback.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ILauncherModel, IPlace, IProfile } from '../../cluster/state';
import type { IHostTesting } from '../../tokens';
import { Choices } from './choices';
import { Place } from './place';
import { Settings } from './settings';
import { placeWords } from './words';

/** What the page can ask for. */
export interface IProfileActions {
  /** Open a file at a line where that is possible; else copy the place. */
  open(place: IPlace): Promise<'opened' | 'copied'>;
  save(
    launcher: string,
    options: Readonly<Record<string, unknown>>,
    engines: number | null
  ): Promise<void>;
  /** Read the profile again. */
  read(): void;
}

/** Properties of {@link ProfilePage}. */
export interface IProfilePageProps {
  profile: IProfile;
  launchers: readonly ILauncherModel[];
  hosts: IHostTesting;
  actions: IProfileActions;
  trans: TranslationBundle;
}

/** The page of one profile. */
export function ProfilePage(props: IProfilePageProps): JSX.Element {
  const { profile, launchers, actions, trans } = props;
  const [news, tell] = React.useState('');
  const launcher = launchers.find(one => one.name === profile.launcher);
  const open = (place: IPlace) => {
    void actions.open(place).then(done => {
      tell(
        done === 'copied'
          ? trans.__('Copied: %1', placeWords(place, profile.path, trans, true))
          : ''
      );
    });
  };
  return (
    <div className="jlc-ProfilePage-body">
      <div className="jlc-ProfilePage-head">
        <h1>{trans.__('Profile %1', profile.name)}</h1>
        <button
          type="button"
          className="jp-Button jp-mod-styled"
          onClick={actions.read}
        >
          {trans.__('Read again')}
        </button>
      </div>
      <p className="jlc-ProfilePage-path">{profile.path}</p>
      <div role="status" className="jlc-ProfilePage-news">
        {profile.loading ? trans.__('Reading the files…') : news}
      </div>
      {profile.errors.map(error => (
        <div
          key={`${error.file}:${error.line}:${error.message}`}
          className="jlc-ProfilePage-error"
          role="alert"
        >
          <div>{error.message}</div>
          {error.file && (
            <Place
              place={{ file: error.file, line: error.line }}
              profile={profile}
              trans={trans}
              onOpen={open}
            />
          )}
        </div>
      ))}
      <p>
        {trans.__('Engines run: %1.', launcher?.title ?? profile.launcher)}{' '}
        {profile.as_written}
      </p>
      <Choices {...props} />
      <Settings profile={profile} trans={trans} onOpen={open} />
    </div>
  );
}
