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
  if (ranks > 1024) return 2;
  const int steps = atoi(argv[1]);
  const double delay = atof(argv[2]);
  double value = rank, next, all[1024]; /* the state is one file that rank 0 replaces: whole or not at all */
  int step = 0;
  char path[4096], fresh[4096];
  snprintf(path, sizeof path, "%s/state", getenv("TRIREME_RUN_DIR"));
  snprintf(fresh, sizeof fresh, "%s/state.new", getenv("TRIREME_RUN_DIR"));
  FILE* file = rank == 0 && getenv("TRIREME_RESUME")[0] == '1' ? fopen(path, "rb") : NULL;
  int there = file && fread(&step, sizeof step, 1, file) == 1 && fread(all, sizeof *all, ranks, file) == (size_t)ranks;
  if (file) fclose(file);
  MPI_Bcast(&there, 1, MPI_INT, 0, MPI_COMM_WORLD);
  if (there) {
    MPI_Bcast(&step, 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Scatter(all, 1, MPI_DOUBLE, &value, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  }

  int stop = 0;
  while (step < steps && !stop) {
    MPI_Sendrecv(&value, 1, MPI_DOUBLE, (rank + 1) % ranks, 0, &next, 1, MPI_DOUBLE, (rank + ranks - 1) % ranks, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    value = 0.75 * value + 0.25 * next + 1e-3;
    step++;
    usleep((useconds_t)(delay * 1e6));
    int mine = asked != 0;
    MPI_Allreduce(&mine, &stop, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD); /* all ranks stop after the same step */
    const int save = stop || step % 50 == 0 || step == steps;
    if (save) MPI_Gather(&value, 1, MPI_DOUBLE, all, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    if (rank != 0) continue;
    if (save) {
      file = fopen(fresh, "wb");
      if (!file || fwrite(&step, sizeof step, 1, file) != 1 || fwrite(all, sizeof *all, ranks, file) != (size_t)ranks ||
          fclose(file) || rename(fresh, path))
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    char metrics[4096];
    snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", getenv("TRIREME_RUN_DIR"));
    file = fopen(metrics, "a");
    if (!file) MPI_Abort(MPI_COMM_WORLD, 1);
    fprintf(file, "{\"step\": %d, \"steps\": %d, \"loss\": %.17g", step, steps, value);
    fprintf(file, save ? ", \"saved_step\": %d}\n" : "}\n", step);
    fclose(file);
  }
  MPI_Finalize();
  return step < steps ? 75 : 0;
}
