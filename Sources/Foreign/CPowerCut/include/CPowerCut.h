#ifndef STRONGROOM_CPOWERCUT_H
#define STRONGROOM_CPOWERCUT_H

#include <stdint.h>

// A library to be preloaded (LD_PRELOAD) into a process that writes to a disk: it records in which order the process
// wrote, cut, synced and removed the files below a folder, so that the disk can be built again as a power cut at any
// moment may have left it. It can also make writes and syncs fail, as a full or a dying disk does.
//
//   STRONGROOM_POWERCUT_ROOT     the folder; files elsewhere are left alone
//   STRONGROOM_POWERCUT_TRACE    the file that the record is appended to
//   STRONGROOM_POWERCUT_FAULTS   one in so many writes and syncs fails; 0 or absent: none
//   STRONGROOM_POWERCUT_SEED     chooses which

// One record, little-endian; `length` bytes follow it: the path for an opened file, the data for a write.
struct cpowercut_record {
  uint32_t magic;
  uint16_t kind;
  uint16_t file;
  // Where a write goes, the size that a file is cut to, or, for a sync, how many records its process had made when it
  // began.
  uint64_t position;
  uint64_t length;
};

enum {
  cpowercut_magic = 0x57504353,
  // A file is known from now on by its number; `position` is 1 where the call has made it.
  cpowercut_opened = 1,
  cpowercut_written = 2,
  cpowercut_cut = 3,
  cpowercut_synced = 4,
  cpowercut_removed = 5,
  // What was written and not yet synced is lost for ever, though whoever reads the file still sees it.
  cpowercut_sync_failed = 6,
  // It has another name from now on, in the place of whatever had it: the path follows.
  cpowercut_renamed = 8,
  // A process begins; it counts its files and records anew, this one being none.
  cpowercut_began = 7,
};

#endif
