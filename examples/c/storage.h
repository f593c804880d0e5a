/*
 * Two files are all the storage there is:
 *
 *   PREFIX.log   frames, appended one behind the other
 *   PREFIX.rows  sectors of 512 bytes. Sector 0 holds the writer epoch, every other one a side
 *                row in the form in which it was handed out (a list of one), or zeros
 *
 * A row is erased by zeros written over it; what a disk or flash keeps beneath a written block
 * is a matter of the hardware.
 */
#ifndef STORAGE_H
#define STORAGE_H

#include "scrip.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512, ROW_HEAD = 20, NAME = 16 };

typedef struct storage {
    int log, rows;
} storage;

static uint32_t read_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int put_sector(const storage *s, off_t sector, const uint8_t *bytes, size_t len) {
    uint8_t whole[SECTOR] = {0};
    if (len > sizeof whole) return -1;
    if (len > 0) memcpy(whole, bytes, len);
    return pwrite(s->rows, whole, SECTOR, sector * SECTOR) == SECTOR ? 0 : -1;
}

/* The first sector whose first `len` bytes after the count are `name`; with `len` 0 a free one. */
static off_t find_sector(const storage *s, const uint8_t *name, size_t len) {
    uint8_t sector[SECTOR];
    off_t at = 1;
    for (; pread(s->rows, sector, SECTOR, at * SECTOR) == SECTOR; at++) {
        if (len == 0 && read_u32(sector) == 0) return at;
        if (len > 0 && read_u32(sector) == 1 && !memcmp(sector + 4, name, len)) return at;
    }
    return len == 0 ? at : 0;
}

/* Puts the rows of a SCRIP_COMMIT. Rows first, then the frame: a row without a frame is found
 * and erased at the next start, a frame without its row could not be finished. */
static int storage_put_rows(const storage *s, const uint8_t *head, size_t len) {
    const uint8_t one[4] = {1, 0, 0, 0};
    size_t at = 4;
    if (len == 0) return 0;
    while (at < len) {
        size_t row = ROW_HEAD + read_u32(head + at + NAME);
        uint8_t sector[SECTOR];
        if (row > SECTOR - sizeof one) return -1;
        memcpy(sector, one, sizeof one);
        memcpy(sector + sizeof one, head + at, row);
        if (put_sector(s, find_sector(s, NULL, 0), sector, sizeof one + row)) return -1;
        at += row;
    }
    return fsync(s->rows);
}

/* Appends a frame. What a failed append may have left is cut off again. */
static int storage_append(const storage *s, const uint8_t *bytes, size_t len) {
    off_t end = lseek(s->log, 0, SEEK_END);
    if (end < 0) return -1;
    if (write(s->log, bytes, len) == (ssize_t)len && !fsync(s->log)) return 0;
    if (ftruncate(s->log, end)) perror("the log has a torn tail");
    return -1;
}

static int storage_erase(const storage *s, const uint8_t *names, size_t len) {
    size_t at;
    for (at = 0; at + NAME <= len; at += NAME) {
        off_t sector = find_sector(s, names + at, NAME);
        if (sector > 0 && put_sector(s, sector, NULL, 0)) return -1;
    }
    return fsync(s->rows);
}

static int storage_open(storage *s, const char *prefix) {
    char path[256];
    snprintf(path, sizeof path, "%s.log", prefix);
    s->log = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    snprintf(path, sizeof path, "%s.rows", prefix);
    s->rows = open(path, O_RDWR | O_CREAT, 0600);
    return s->log < 0 || s->rows < 0 ? -1 : 0;
}

static void storage_close(storage *s) {
    close(s->log);
    close(s->rows);
}

/* Shows the engine what is stored and starts it as the next writer. */
static scrip_status storage_start(const storage *s, scrip_engine *e, const uint8_t seed[32],
                                  scrip_error *err) {
    uint8_t sector[SECTOR] = {0};
    uint64_t epoch = 0, keep;
    off_t at = 1, end = lseek(s->log, 0, SEEK_END);
    size_t consumed, len = end > 0 ? (size_t)end : 0;
    uint8_t *log;
    scrip_status status;
    int i;
    for (; pread(s->rows, sector, SECTOR, at * SECTOR) == SECTOR; at++) {
        uint32_t content = read_u32(sector + 4 + NAME);
        if (read_u32(sector) != 1 || content > SECTOR - 4 - ROW_HEAD) continue;
        status = scrip_engine_restore_side(e, sector, 4 + ROW_HEAD + content, err);
        if (status != SCRIP_OK && status != SCRIP_BAD_ROW) return status; /* torn rows are passed over */
    }
    log = malloc(len + 1);
    if (!log || pread(s->log, log, len, 0) != (ssize_t)len) {
        free(log);
        return SCRIP_DAMAGED;
    }
    status = scrip_engine_restore(e, log, len, &consumed, err);
    free(log);
    if (status != SCRIP_OK && status != SCRIP_TORN) return status;
    /* The epoch is durable before anything is written under it. */
    if (pread(s->rows, sector, SECTOR, 0) == SECTOR)
        for (i = 7; i >= 0; i--) epoch = epoch << 8 | sector[i];
    epoch++;
    for (i = 0; i < 8; i++) sector[i] = (uint8_t)(epoch >> (8 * i));
    if (put_sector(s, 0, sector, 8) || fsync(s->rows)) return SCRIP_DAMAGED;
    status = scrip_engine_start(e, epoch, seed, &keep, err);
    if (status != SCRIP_OK) return status;
    return ftruncate(s->log, (off_t)keep) ? SCRIP_DAMAGED : SCRIP_OK; /* cuts a torn tail */
}

#endif
