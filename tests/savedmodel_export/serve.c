/* Loads a SavedModel as TensorFlow Serving does, through TensorFlow's C library, and runs what a plan asks for.
 *
 *   serve SAVED_MODEL PLAN
 *
 * The plan, one item a line; files are relative to the working folder, tensors hold the machine's own byte order:
 *   input OPERATION INDEX DTYPE RANK SIDE... FILE      DTYPE: float, uint8 or string (each: uint32 length, bytes)
 *   output OPERATION INDEX FILE                        written as float32, int64 or strings, whatever the graph gives
 *   run                                                prints "run <number> <status code> <message, one line>"
 * At the end it prints whether any Python library was mapped into the process: "python 0" or "python 1".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

#define MOST 8
#define LONGEST 512

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "serve: %s: %s\n", what, detail);
  exit(1);
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("cannot open", path);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  if (bytes == NULL || fread(bytes, 1, *size, file) != *size) fail("cannot read", path);
  fclose(file);
  return bytes;
}

static TF_Tensor *read_tensor(const char *dtype, int rank, const int64_t *sides, const char *path) {
  int64_t count = 1;
  for (int i = 0; i < rank; i++) count *= sides[i];
  size_t size;
  char *bytes = read_file(path, &size);
  TF_Tensor *tensor;
  if (strcmp(dtype, "string") == 0) {
    tensor = TF_AllocateTensor(TF_STRING, sides, rank, (size_t)count * sizeof(TF_TString));
    TF_TString *strings = TF_TensorData(tensor);
    size_t at = 0;
    for (int64_t i = 0; i < count; i++) {
      uint32_t length;
      if (at + sizeof length > size) fail("too short", path);
      memcpy(&length, bytes + at, sizeof length);
      at += sizeof length;
      if (length > size - at) fail("too short", path);
      TF_StringInit(&strings[i]);
      TF_StringCopy(&strings[i], bytes + at, length);
      at += length;
    }
  } else {
    tensor = TF_AllocateTensor(strcmp(dtype, "uint8") == 0 ? TF_UINT8 : TF_FLOAT, sides, rank,
                               (size_t)count * (strcmp(dtype, "uint8") == 0 ? 1 : 4));
    if (TF_TensorByteSize(tensor) != size) fail("wrong size", path);
    memcpy(TF_TensorData(tensor), bytes, size);
  }
  free(bytes);
  return tensor;
}

static void write_tensor(TF_Tensor *tensor, const char *path) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) fail("cannot write", path);
  if (TF_TensorType(tensor) == TF_STRING) {
    TF_TString *strings = TF_TensorData(tensor);
    for (int64_t i = 0; i < TF_TensorElementCount(tensor); i++) {
      uint32_t length = (uint32_t)TF_StringGetSize(&strings[i]);
      fwrite(&length, sizeof length, 1, file);
      fwrite(TF_StringGetDataPointer(&strings[i]), 1, length, file);
    }
  } else {
    fwrite(TF_TensorData(tensor), 1, TF_TensorByteSize(tensor), file);
  }
  if (fclose(file) != 0) fail("cannot write", path);
}

static TF_Output find(TF_Graph *graph, const char *name, int index) {
  TF_Output output = {TF_GraphOperationByName(graph, name), index};
  if (output.oper == NULL) fail("no such operation", name);
  return output;
}

static int python_is_mapped(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) fail("cannot open", "/proc/self/maps");
  char line[4096];
  int found = 0;
  while (fgets(line, sizeof line, maps) != NULL) found |= strstr(line, "libpython") != NULL || strstr(line, "_pywrap") != NULL;
  fclose(maps);
  return found;
}

int main(int argc, char **argv) {
  if (argc != 3) fail("usage", "serve SAVED_MODEL PLAN");
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session = TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  if (TF_GetCode(status) != TF_OK) fail("cannot load", TF_Message(status));

  FILE *plan = fopen(argv[2], "r");
  if (plan == NULL) fail("cannot open", argv[2]);
  TF_Output inputs[MOST], outputs[MOST];
  TF_Tensor *values[MOST], *results[MOST];
  char files[MOST][LONGEST], word[16], name[LONGEST], dtype[16];
  int given = 0, wanted = 0, runs = 0, index;
  while (fscanf(plan, "%15s", word) == 1) {
    if (strcmp(word, "input") == 0 && given < MOST) {
      int rank;
      int64_t sides[MOST];
      char file[LONGEST];
      if (fscanf(plan, "%511s %d %15s %d", name, &index, dtype, &rank) != 4 || rank > MOST) fail("plan", word);
      for (int i = 0; i < rank; i++)
        if (fscanf(plan, "%ld", &sides[i]) != 1) fail("plan", name);
      if (fscanf(plan, "%511s", file) != 1) fail("plan", name);
      inputs[given] = find(graph, name, index);
      values[given++] = read_tensor(dtype, rank, sides, file);
    } else if (strcmp(word, "output") == 0 && wanted < MOST) {
      if (fscanf(plan, "%511s %d %511s", name, &index, files[wanted]) != 3) fail("plan", word);
      outputs[wanted++] = find(graph, name, index);
    } else if (strcmp(word, "run") == 0) {
      TF_SessionRun(session, NULL, inputs, values, given, outputs, results, wanted, NULL, 0, NULL, status);
      char *message = strdup(TF_Message(status));
      for (char *at = message; *at; at++)
        if (*at == '\n') *at = ' ';
      printf("run %d %d %s\n", runs++, (int)TF_GetCode(status), message);
      free(message);
      for (int i = 0; i < wanted && TF_GetCode(status) == TF_OK; i++) {
        write_tensor(results[i], files[i]);
        TF_DeleteTensor(results[i]);
      }
      for (int i = 0; i < given; i++) TF_DeleteTensor(values[i]);
      given = wanted = 0;
    } else {
      fail("plan", word);
    }
  }
  fclose(plan);
  printf("python %d\n", python_is_mapped());

  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
