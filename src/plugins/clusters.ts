/** Joins the models to the server: provides `IClusters` and `IClusterLogs`. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

// The model is the plugin: status bar, list of running sessions and notices need it from the start.
/* eslint-disable jupyter/prefer-lazy-imports */
import { Clusters } from '../cluster/clusters';
import { Calls } from '../server/calls';
import { ClusterLogs } from '../server/clusterlogs';
import { Stream } from '../server/stream';
/* eslint-enable jupyter/prefer-lazy-imports */
import { IClusterLogs, IClusters } from '../tokens';

/** One stream for both, made when the first of them is asked for. */
let stream: Stream | null = null;

function streamOf(app: JupyterFrontEnd): Stream {
  const settings = app.serviceManager.serverSettings;
  stream = stream ?? new Stream(settings, new Calls(settings));
  return stream;
}

/** All clusters, live. */
export const clusters: JupyterFrontEndPlugin<IClusters> = {
  id: 'jupyterlab-clusters:clusters',
  description: 'Provides the IPython Parallel clusters of this server, live.',
  autoStart: true,
  provides: IClusters,
  activate: (app: JupyterFrontEnd): IClusters =>
    new Clusters(streamOf(app), new Calls(app.serviceManager.serverSettings))
};

/** The logs of clusters. */
export const clusterLogs: JupyterFrontEndPlugin<IClusterLogs> = {
  id: 'jupyterlab-clusters:cluster-logs',
  description: 'Provides the logs of IPython Parallel clusters.',
  autoStart: true,
  provides: IClusterLogs,
  activate: (app: JupyterFrontEnd): IClusterLogs =>
    new ClusterLogs(new Calls(app.serviceManager.serverSettings), streamOf(app))
};
