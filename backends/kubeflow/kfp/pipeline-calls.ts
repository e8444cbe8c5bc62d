import { FormData } from 'undici';

import { KfpCalls, type Condition } from './calls.ts';
import { pathOf } from './http.ts';
import {
  pages,
  pipelineReply,
  versionReply,
  type KfpPipeline,
  type KfpVersion,
} from './replies.ts';

/** Calls of pipeline.proto and of the upload server beside it. */
export class KfpPipelineCalls extends KfpCalls {
  pipeline(id: string): Promise<KfpPipeline> {
    const path = pathOf`pipelines/${id}`;
    return this.value({
      action: `read pipeline ${id}`,
      method: 'GET',
      path,
      reply: pipelineReply,
    });
  }

  pipelineByName(name: string): Promise<KfpPipeline> {
    return this.value({
      action: `read pipeline "${name}"`,
      method: 'GET',
      path: pathOf`pipelines/names/${name}`,
      query: this.namespace(),
      reply: pipelineReply,
    });
  }

  createPipeline(name: string, description: string): Promise<KfpPipeline> {
    const { namespace } = this.settings;
    return this.value({
      action: `make pipeline "${name}"`,
      method: 'POST',
      path: pathOf`pipelines`,
      body: {
        name,
        display_name: name,
        description,
        ...(namespace === '' ? {} : { namespace }),
      },
      reply: pipelineReply,
    });
  }

  async pipelines(conditions: readonly Condition[]): Promise<readonly KfpPipeline[]> {
    const listed = await this.list('pipelines', pathOf`pipelines`, pages.pipelines, conditions);
    return listed.flatMap(({ pipelines }) => pipelines);
  }

  async deletePipeline(id: string): Promise<void> {
    await this.delete(`remove pipeline ${id}`, pathOf`pipelines/${id}`, { cascade: 'true' });
  }

  version(pipelineId: string, id: string): Promise<KfpVersion> {
    return this.value({
      action: `read version ${id} of pipeline ${pipelineId}`,
      method: 'GET',
      path: pathOf`pipelines/${pipelineId}/versions/${id}`,
      reply: versionReply,
    });
  }

  /** Newest first. */
  async versions(
    pipelineId: string,
    conditions: readonly Condition[],
  ): Promise<readonly KfpVersion[]> {
    const path = pathOf`pipelines/${pipelineId}/versions`;
    const listed = await this.list(
      `versions of pipeline ${pipelineId}`,
      path,
      pages.pipeline_versions,
      conditions,
    );
    return listed.flatMap(({ pipeline_versions: versions }) => versions);
  }

  /** `text` is a pipeline in KFP's intermediate representation, as YAML. */
  uploadVersion(
    pipelineId: string,
    name: string,
    description: string,
    text: string,
  ): Promise<KfpVersion> {
    const form = new FormData();
    form.set('uploadfile', new Blob([text], { type: 'application/x-yaml' }), 'pipeline.yaml');
    return this.value({
      action: `upload version ${name} of pipeline ${pipelineId}`,
      method: 'POST',
      path: pathOf`pipelines/upload_version`,
      query: { name, display_name: name, pipelineid: pipelineId, description },
      form,
      reply: versionReply,
    });
  }
}
