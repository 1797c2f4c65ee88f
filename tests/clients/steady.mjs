// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: The Tuffet authors
//
// Role: a PouchDB behind HTTP that can be the source of a replication while its server is killed.

// After each batch a replication asks its source for info() beside the work, to show progress, and
// PouchDB 9.0 has no handler for a failure of that (finishBatch): where the kill meets this request
// Node ends the whole process. So info() waits for a server that is being restarted and asks it
// again. Every other request fails as it does, and so does info() of a server that nobody killed.
export function steadyInfo(db, server) {
  const info = db.info.bind(db);
  db.info = async () => {
    for (;;) {
      const { startCount } = server;
      try {
        return await info();
      } catch (error) {
        await server.restarting;
        if (server.startCount === startCount) throw error;
      }
    }
  };
  return db;
}
