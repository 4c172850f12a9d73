/** The icon of clusters: recoloured by the theme, so that it looks at home. */
import { LabIcon } from '@jupyterlab/ui-components';

import clusterSvg from '../../style/icons/cluster.svg';

/** A controller and its engines. */
export const clusterIcon = new LabIcon({
  name: 'jupyterlab-clusters:cluster',
  svgstr: clusterSvg
});
