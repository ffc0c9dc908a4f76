/** Unpacked layers: one directory for each diff id, shared by all images; on the host's side. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDigest, type Digest } from '../../oci/image.ts';
import { readJsonFile, writeJsonFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';

/** What is known of an unpacked layer. The record is written before the layer becomes visible, so visible means complete. */
export interface LayerRecord {
  readonly diffId: Digest;
  /** Sum of the sizes of its files. */
  readonly unpackedBytes: number;
  readonly entries: number;
  readonly skippedDevices: number;
  readonly skippedAttributes?: number;
  /** Absent in records of older versions. */
  readonly squashedIds?: number;
  readonly lostOwners?: number;
  /** Bytes of the uncompressed archive; absent in records of older versions. */
  readonly archiveBytes?: number;
}

const RECORD = 'layer.json';

/** The directory of a layer, whether it is there or not: its tree is in `fs`. */
export function layerDirectory(store: Store, diffId: Digest): string {
  return join(store.layers, diffId.replace(':', '-'));
}

/** The root of a layer's tree: a lowerdir. */
export function layerTree(store: Store, diffId: Digest): string {
  return join(layerDirectory(store, diffId), 'fs');
}

/** True when the layer is there, which means complete. */
export function hasLayer(store: Store, diffId: Digest): boolean {
  return isCompleteLayer(layerDirectory(store, diffId));
}

/** True when a directory holds a layer that was unpacked to its end. */
export function isCompleteLayer(directory: string): boolean {
  return existsSync(join(directory, RECORD));
}

/** Puts the record into a layer's directory that is still in staging. */
export function writeLayerRecord(directory: string, record: LayerRecord): void {
  writeJsonFile(join(directory, RECORD), record, { durable: false });
}

/** What is known of a layer, or undefined when it is not unpacked. */
export function readLayerRecord(store: Store, diffId: Digest): LayerRecord | undefined {
  return readJsonFile(join(layerDirectory(store, diffId), RECORD)) as LayerRecord | undefined;
}

/** The unpacked size of a layer in bytes, or undefined when it is not unpacked. */
export function layerSize(store: Store, diffId: Digest): number | undefined {
  return numberOf(store, diffId, 'unpackedBytes');
}

/** The size of a layer's uncompressed archive in bytes, or undefined when it is not known. */
export function archiveSize(store: Store, diffId: Digest): number | undefined {
  return numberOf(store, diffId, 'archiveBytes');
}

function numberOf(store: Store, diffId: Digest, key: 'unpackedBytes' | 'archiveBytes'): number | undefined {
  const record = readJsonFile(join(layerDirectory(store, diffId), RECORD)) as Partial<LayerRecord> | undefined;
  const value = record?.[key];
  return typeof value === 'number' ? value : undefined;
}

/** The diff ids of all layers on disk. */
export function listLayers(store: Store): Digest[] {
  return readdirSync(store.layers)
    .map((name) => name.replace('-', ':'))
    .filter(isDigest);
}
