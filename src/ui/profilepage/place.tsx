/** A place in a file, as a button that leads there. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IPlace, IProfile } from '../../cluster/state';
import { placeWords } from './words';

/** Its name is short where the file is the profile's own; the whole path is its title. */
export function Place(props: {
  place: IPlace;
  profile: IProfile;
  trans: TranslationBundle;
  onOpen(place: IPlace): void;
}): JSX.Element {
  const { place, profile, trans, onOpen } = props;
  return (
    <button
      type="button"
      className="jlc-Link"
      title={placeWords(place, profile.path, trans, true)}
      onClick={() => onOpen(place)}
    >
      {placeWords(place, profile.path, trans)}
    </button>
  );
}
