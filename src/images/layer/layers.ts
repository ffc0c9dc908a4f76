/** Unpacked layers: one directory for each diff id, shared by all images; on the host's side. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDigest, type Digest } from '../../oci/image.ts';
import { listNames, readJsonFile, writeJsonFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import type { AppliedLayer } from './unpack-layer.ts';

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
  /** True when its root hides all layers below. */
  readonly isOpaque?: boolean;
  /** What depends on the layers below, listed in `loose.json`. */
  readonly looseDirectories?: number;
  readonly looseLinks?: number;
  /** Bytes of the uncompressed archive; absent in records of older versions. */
  readonly archiveBytes?: number;
}

const RECORD = 'layer.json';
const LOOSE = 'loose.json';
const SEAMS = 'seams';

/** The directory of a layer, whether it is there or not: its tree is in `fs`. */
export function layerDirectory(store: Store, diffId: Digest): string {
  return join(store.layers, diffId.replace(':', '-'));
}

/** The root of a layer's tree: a lowerdir. */
export function layerTree(store: Store, diffId: Digest): string {
  return treeIn(layerDirectory(store, diffId));
}

/** True when the layer is there, which means complete. */
export function hasLayer(store: Store, diffId: Digest): boolean {
  return isCompleteLayer(layerDirectory(store, diffId));
}

/** True when a directory holds a layer that was unpacked to its end. */
export function isCompleteLayer(directory: string): boolean {
  return existsSync(join(directory, RECORD));
}

/** Puts record and loose ends into a layer's directory that is still in staging. */
export function writeLayer(directory: string, layer: AppliedLayer): void {
  const { loose, unpackedBytes, entries, skippedDevices, skippedAttributes, squashedIds, lostOwners } = layer;
  const { archiveBytes, isOpaque, looseDirectories, looseLinks } = layer;
  const diffId = layer.diffId as Digest;
  const counts = { unpackedBytes, entries, skippedDevices, skippedAttributes, squashedIds, lostOwners, archiveBytes };
  const record: LayerRecord = { diffId, ...counts, isOpaque, looseDirectories, looseLinks };
  if (looseDirectories + looseLinks > 0) writeJsonFile(loosePath(directory), loose, { durable: false });
  writeLayerRecord(directory, record);
}

/** Puts the record alone into a layer's directory: the layer is complete then. */
export function writeLayerRecord(directory: string, record: LayerRecord): void {
  writeJsonFile(join(directory, RECORD), record, { durable: false });
}

/** What is known of a layer, or undefined when it is not unpacked. */
export function readLayerRecord(store: Store, diffId: Digest): LayerRecord | undefined {
  return readRecordIn(layerDirectory(store, diffId));
}

/** As readLayerRecord(), of a directory that may be in staging. */
export function readRecordIn(directory: string): LayerRecord | undefined {
  return readJsonFile(join(directory, RECORD)) as LayerRecord | undefined;
}

/** The list of the loose ends of the layer in `directory`: LooseEnds as JSON. */
export function loosePath(directory: string): string {
  return join(directory, LOOSE);
}

/** The tree of the layer in `directory`. */
export function treeIn(directory: string): string {
  return join(directory, 'fs');
}

/** The seam between the layer in `directory` and those `below` it, lowest first: a tree, whether it is there or not. */
export function seamIn(directory: string, below: readonly Digest[]): string {
  return join(directory, SEAMS, createHash('sha256').update(below.join()).digest('hex'));
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
  return listNames(store.layers)
    .map((name) => name.replace('-', ':'))
    .filter(isDigest);
}
