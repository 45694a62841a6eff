// Uploads a qcow2. XMLHttpRequest, since fetch does not tell how much has been sent.
import { csrfValue, urlOf } from './call';
import { problemOf, unreachable } from './problem';
import type { ImageVersion } from './types';

export interface Upload {
  done: Promise<ImageVersion>;
  abort(): void;
}

/** The first bytes of every qcow2 file. */
const MAGIC = [0x51, 0x46, 0x49, 0xfb];

export async function isQcow2(file: Blob): Promise<boolean> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return MAGIC.every((byte, i) => head[i] === byte);
}

export function uploadVersion(imageId: string, file: Blob, onProgress: (share: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<ImageVersion>((resolve, reject) => {
    request.open('POST', urlOf('/images/{id}/versions', { id: imageId }));
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('X-CSRF-Token', csrfValue());
    request.upload.addEventListener('progress', ({ loaded, total }) => onProgress(total ? loaded / total : 0));
    request.addEventListener('load', () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText) as ImageVersion);
      else reject(problemOf({ status: request.status, statusText: request.statusText, trace: request.getResponseHeader('X-Request-Id'), body: request.responseText }));
    });
    request.addEventListener('error', () => reject(unreachable('')));
    request.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
    request.send(file);
  });
  return { done, abort: () => request.abort() };
}
