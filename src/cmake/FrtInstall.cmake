# What finds an installation: the CMake package and the pkg-config file. Both take their
# paths from where they lie, so that a tree that was moved still works.
file(RELATIVE_PATH FRT_BIN_TO_LIB ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})

function(frt_install_packages)
  set(package ${CMAKE_INSTALL_LIBDIR}/cmake/fluidrt)
  install(EXPORT fluidrt FILE fluidrtTargets.cmake NAMESPACE fluidrt:: DESTINATION ${package})
  include(CMakePackageConfigHelpers)
  configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/src/cmake/fluidrtConfig.cmake.in
    ${CMAKE_BINARY_DIR}/generated/fluidrtConfig.cmake INSTALL_DESTINATION ${package}
    PATH_VARS CMAKE_INSTALL_LIBDIR)
  # Before 1.0 the API may change with each minor version.
  write_basic_package_version_file(
    ${CMAKE_BINARY_DIR}/generated/fluidrtConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/generated/fluidrtConfig.cmake
          ${CMAKE_BINARY_DIR}/generated/fluidrtConfigVersion.cmake DESTINATION ${package})

  set(pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
  file(RELATIVE_PATH FRT_PC_TO_PREFIX ${pc} ${CMAKE_INSTALL_PREFIX})
  file(RELATIVE_PATH FRT_PC_TO_LIB ${pc} ${CMAKE_INSTALL_FULL_LIBDIR})
  file(RELATIVE_PATH FRT_PC_TO_INCLUDE ${pc} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  configure_file(${PROJECT_SOURCE_DIR}/src/cmake/fluidrt.pc.in
                 ${CMAKE_BINARY_DIR}/generated/fluidrt.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/generated/fluidrt.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  # The skeleton of a provider, for those who have no clone.
  install(FILES ${PROJECT_SOURCE_DIR}/providers/null/provider.c
          ${PROJECT_SOURCE_DIR}/providers/README.md
          DESTINATION ${CMAKE_INSTALL_DATADIR}/fluidrt/provider)
endfunction()
