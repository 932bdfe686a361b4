/* A C program with MPI that saves when it is asked to stop (ring.ini): each rank averages with its neighbour. */
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t asked = 0;
static void ask(int signal) { asked = signal; }

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  signal(SIGTERM, ask);
  int rank, ranks;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const int steps = atoi(argv[1]);
  const double delay = atof(argv[2]);
  struct { int step; double value; } state = {0, rank}, next;
  char path[4096], fresh[4096 + 4];
  snprintf(path, sizeof path, "%s/state.%d", getenv("TRIREME_RUN_DIR"), rank);
  snprintf(fresh, sizeof fresh, "%s.new", path);
  FILE* file = getenv("TRIREME_RESUME")[0] == '1' ? fopen(path, "rb") : NULL;
  if (file && fread(&state, sizeof state, 1, file) != 1) return 1;
  if (file) fclose(file);

  int stop = 0;
  while (state.step < steps && !stop) {
    next = state;
    MPI_Sendrecv(&state.value, 1, MPI_DOUBLE, (rank + 1) % ranks, 0, &next.value, 1, MPI_DOUBLE,
                 (rank + ranks - 1) % ranks, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    state.value = 0.75 * state.value + 0.25 * next.value + 1e-3;
    state.step++;
    usleep((useconds_t)(delay * 1e6));
    int mine = asked != 0;
    MPI_Allreduce(&mine, &stop, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD); /* all ranks stop after the same step */
    const int save = stop || state.step % 50 == 0 || state.step == steps;
    if (save) {
      file = fopen(fresh, "wb");
      if (!file || fwrite(&state, sizeof state, 1, file) != 1 || fclose(file) || rename(fresh, path)) return 1;
      MPI_Barrier(MPI_COMM_WORLD);
    }
    if (rank == 0) {
      snprintf(fresh, sizeof fresh, "%s/metrics.jsonl", getenv("TRIREME_RUN_DIR"));
      file = fopen(fresh, "a");
      fprintf(file, "{\"step\": %d, \"steps\": %d, \"loss\": %.17g", state.step, steps, state.value);
      fprintf(file, save ? ", \"saved_step\": %d}\n" : "}\n", state.step);
      fclose(file);
      snprintf(fresh, sizeof fresh, "%s.new", path);
    }
  }
  MPI_Finalize();
  return state.step < steps ? 75 : 0;
}
